package tail

import "github.com/prometheus/prometheus/tsdb/chunks"

// What a Spell function returns instead of a spelling.
const (
	Unwanted = "\x00" // the series is not selected
	Unfit    = "\x01" // it is, but cannot be written
)

const pageSize = 512

// Table is what each series is spelled as. Upstream numbers series one after
// the other, so a page of them is found once for many samples.
type Table struct {
	pages map[uint64]*page
	near  *page // the page that was used last
	index uint64
	count int
}

type page struct {
	spelling [pageSize]string
	segment  [pageSize]int32 // in which the series was last recorded
}

// NewTable returns an empty Table. A Table is not safe for concurrent use.
func NewTable() *Table { return &Table{pages: map[uint64]*page{}} }

// Len is the number of series that are selected.
func (t *Table) Len() int { return t.count }

func (t *Table) page(ref chunks.HeadSeriesRef) *page {
	index := uint64(ref) / pageSize
	if t.near == nil || t.index != index {
		p := t.pages[index]
		if p == nil {
			return nil
		}
		t.near, t.index = p, index
	}
	return t.near
}

// spelling returns "" for a series that is not known.
func (t *Table) spelling(ref chunks.HeadSeriesRef) string {
	p := t.page(ref)
	if p == nil {
		return ""
	}
	return p.spelling[ref%pageSize]
}

func (t *Table) set(ref chunks.HeadSeriesRef, spelling string, segment int) {
	p := t.page(ref)
	if p == nil {
		p = &page{}
		t.pages[uint64(ref)/pageSize] = p
	}
	t.replace(&p.spelling[ref%pageSize], spelling)
	p.segment[ref%pageSize] = int32(segment)
}

func (t *Table) replace(at *string, spelling string) {
	if selected(*at) {
		t.count--
	}
	if selected(spelling) {
		t.count++
	}
	*at = spelling
}

func selected(spelling string) bool {
	return spelling != "" && spelling != Unwanted && spelling != Unfit
}

// seen notes that the checkpoint of a segment still has the series.
func (t *Table) seen(ref chunks.HeadSeriesRef, checkpoint int) {
	if p := t.page(ref); p != nil && int(p.segment[ref%pageSize]) < checkpoint {
		p.segment[ref%pageSize] = int32(checkpoint)
	}
}

// forgetBefore drops the series that were last recorded before the segment.
func (t *Table) forgetBefore(segment int) {
	t.near = nil
	for index, p := range t.pages {
		empty := true
		for i := range p.spelling {
			if p.spelling[i] != "" && int(p.segment[i]) < segment {
				t.replace(&p.spelling[i], "")
			}
			empty = empty && p.spelling[i] == ""
		}
		if empty {
			delete(t.pages, index)
		}
	}
}
