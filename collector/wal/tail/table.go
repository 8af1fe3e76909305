package tail

import "github.com/prometheus/prometheus/tsdb/chunks"

const pageSize = 512

// Table is what each series is to the caller. Upstream numbers series one after
// the other, so a page of them is found once for many samples.
type Table[S comparable] struct {
	not   [2]S // what stands for series that are not selected
	pages map[uint64]*page[S]
	near  *page[S] // the page that was used last
	index uint64
	count int
}

type page[S comparable] struct {
	series  [pageSize]S
	segment [pageSize]int32 // in which the series was last recorded
}

// NewTable returns an empty Table. A Table is not safe for concurrent use.
func NewTable[S comparable](unwanted, unfit S) *Table[S] {
	return &Table[S]{not: [2]S{unwanted, unfit}, pages: map[uint64]*page[S]{}}
}

// Len is the number of series that are selected.
func (t *Table[S]) Len() int { return t.count }

func (t *Table[S]) page(ref chunks.HeadSeriesRef) *page[S] {
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

// series returns the zero value for a series that is not known.
func (t *Table[S]) series(ref chunks.HeadSeriesRef) (s S) {
	p := t.page(ref)
	if p == nil {
		return s
	}
	return p.series[ref%pageSize]
}

func (t *Table[S]) set(ref chunks.HeadSeriesRef, series S, segment int) {
	p := t.page(ref)
	if p == nil {
		p = &page[S]{}
		t.pages[uint64(ref)/pageSize] = p
	}
	t.replace(&p.series[ref%pageSize], series)
	p.segment[ref%pageSize] = int32(segment)
}

func (t *Table[S]) replace(at *S, series S) {
	if t.selected(*at) {
		t.count--
	}
	if t.selected(series) {
		t.count++
	}
	*at = series
}

func (t *Table[S]) selected(series S) bool {
	var unknown S
	return series != unknown && series != t.not[0] && series != t.not[1]
}

// seen notes that the checkpoint of a segment still has the series.
func (t *Table[S]) seen(ref chunks.HeadSeriesRef, checkpoint int) {
	if p := t.page(ref); p != nil && int(p.segment[ref%pageSize]) < checkpoint {
		p.segment[ref%pageSize] = int32(checkpoint)
	}
}

// forgetBefore drops the series that were last recorded before the segment.
func (t *Table[S]) forgetBefore(segment int) {
	var unknown S
	t.near = nil
	for index, p := range t.pages {
		empty := true
		for i := range p.series {
			if p.series[i] != unknown && int(p.segment[i]) < segment {
				t.replace(&p.series[i], unknown)
			}
			empty = empty && p.series[i] == unknown
		}
		if empty {
			delete(t.pages, index)
		}
	}
}
