package catalog

import (
	"bytes"
	"runtime"
	"slices"

	"github.com/sourcegraph/conc/pool"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// A YAML parser makes some hundred allocations of an asset and keeps them until
// it has seen the whole file: a second and 200 MB for 24,000 assets. A file in
// the usual form, one list whose items all begin in the same column, is
// therefore cut before items and parsed in pieces, side by side. Whatever is
// unusual, or wrong, is left to the ordinary way, which also says what is wrong.

// chunkSize is the least number of bytes in a piece.
const chunkSize = 64 << 10

type chunk struct {
	data   []byte
	before int // lines of the file in front of it
}

func readChunks(name string, data []byte) (entries []entry, ok bool) {
	head, chunks := cut(data, chunkSize)
	if len(chunks) < 2 {
		return nil, false
	}
	if _, ok := strict.NewFile(name).YAML(head); !ok {
		return nil, false
	}
	type part struct {
		entries []entry
		ok      bool
	}
	parts := make([]part, len(chunks))
	p := pool.New().WithMaxGoroutines(runtime.GOMAXPROCS(0))
	for i, c := range chunks {
		p.Go(func() {
			file := strict.NewFile(name)
			if root, ok := file.Part(c.data, c.before); ok {
				parts[i].entries = readList(root)
			}
			parts[i].ok = file.Count() == 0
		})
	}
	p.Wait()
	total := 0
	for i := range parts {
		if !parts[i].ok {
			return nil, false
		}
		total += len(parts[i].entries)
	}
	entries = slices.Grow(entries, total)
	for i := range parts {
		entries = append(entries, parts[i].entries...)
	}
	return entries, true
}

// cut returns what stands in front of the list, and pieces of it of at least
// size bytes, each a list of its own; or nothing when data is not in the usual
// form. A line that begins an item's column with
// a dash can be within a quoted text only; then the piece before it does not
// parse.
func cut(data []byte, size int) (head []byte, chunks []chunk) {
	body, line := afterKey(data)
	if body == nil || hasOtherBreaks(data) {
		return nil, nil
	}
	var (
		dash   = -1 // the column in which items begin
		begin  = 0
		before = line
	)
	for off := 0; off < len(body); line++ {
		end := bytes.IndexByte(body[off:], '\n') + off + 1
		if end == off {
			end = len(body)
		}
		text := body[off:end]
		rest := bytes.TrimLeft(text, " ")
		column := len(text) - len(rest)
		switch blank := isBlank(rest); {
		case blank:
		case dash < 0 && !isItem(rest):
			return nil, nil
		case dash < 0:
			dash = column
		case column < dash, column == dash && !isItem(rest):
			return nil, nil
		case column == dash && off-begin >= size:
			chunks = append(chunks, chunk{body[begin:off], before})
			begin, before = off, line
		}
		off = end
	}
	return data[:len(data)-len(body)], append(chunks, chunk{body[begin:], before})
}

// afterKey finds what follows the line `assets:`, in front of which only blank
// lines may stand, and counts the lines up to there.
func afterKey(data []byte) (body []byte, lines int) {
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte("\n"))
		data = rest
		lines++
		after, found := bytes.CutPrefix(line, []byte(assetsKey+":"))
		switch {
		case found && isBlank(after) && !bytes.HasPrefix(after, []byte("#")):
			return data, lines
		case !isBlank(line):
			return nil, 0
		}
	}
	return nil, 0
}

// hasOtherBreaks finds what YAML counts as the end of a line besides \n and
// \r\n.
func hasOtherBreaks(data []byte) bool {
	return bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n")) ||
		bytes.Contains(data, []byte("\u0085")) || bytes.Contains(data, []byte("\u2028")) || bytes.Contains(data, []byte("\u2029"))
}

// isBlank holds for lines with nothing but spaces or a comment.
func isBlank(line []byte) bool {
	text := bytes.TrimSpace(line)
	return len(text) == 0 || text[0] == '#'
}

func isItem(line []byte) bool { return bytes.HasPrefix(line, []byte("- ")) }
