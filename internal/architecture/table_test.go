package architecture

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// everyone marks a row that any room may import.
const everyone = "everyone may"

// room is one row of the table in ARCHITECTURE.md.
type room struct {
	path     string   // within the module, such as collector/tsdb
	imports  []string // rooms that its packages may import, next to those that everyone may
	everyone bool     // any room may import it
	all      bool     // it may import every room above it
	none     bool     // it imports nothing of ours, not even what everyone may
}

var code = regexp.MustCompile("`([^`]+)`")

// parseTable reads the rows of the table whose header has the columns "room",
// "what lives there" and "may import". It refuses a row that names a room that
// does not stand above it, because arrows go one way.
func parseTable(markdown string) ([]room, error) {
	_, table, found := strings.Cut(markdown, "| room | what lives there | may import |\n")
	if !found {
		return nil, fmt.Errorf("no table with the columns room, what lives there, may import")
	}
	var rooms []room
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if strings.HasPrefix(line, "| ---") {
			continue
		}
		r, err := parseRow(line)
		if err != nil {
			return nil, err
		}
		for _, to := range r.imports {
			if !slices.ContainsFunc(rooms, func(above room) bool { return above.path == to }) {
				return nil, fmt.Errorf("%s: may import %s, which is no room above it", r.path, to)
			}
		}
		rooms = append(rooms, r)
	}
	return rooms, nil
}

func parseRow(line string) (room, error) {
	cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	if len(cells) != 3 {
		return room{}, fmt.Errorf("want three columns: %s", line)
	}
	names := code.FindStringSubmatch(cells[0])
	if names == nil {
		return room{}, fmt.Errorf("want a path in backquotes: %s", line)
	}
	r := room{
		path:     names[1],
		everyone: strings.Contains(cells[0], everyone),
		all:      strings.Contains(cells[2], "every room above"),
		none:     strings.Contains(cells[2], "nothing of ours"),
	}
	for _, m := range code.FindAllStringSubmatch(cells[2], -1) {
		r.imports = append(r.imports, m[1])
	}
	if !r.all && len(r.imports) == 0 && !strings.Contains(cells[2], "nothing") {
		return room{}, fmt.Errorf("say what %s may import, or that it is nothing: %s", r.path, line)
	}
	return r, nil
}

// roomOf finds the room that a package of the module belongs to: the longest
// path that leads to it.
func roomOf(rooms []room, pkg string) (room, bool) {
	var best room
	for _, r := range rooms {
		inside := pkg == r.path || strings.HasPrefix(pkg, r.path+"/")
		if inside && len(r.path) > len(best.path) {
			best = r
		}
	}
	return best, best.path != ""
}

// mayImport says whether a package of one room may import one of another.
func mayImport(rooms []room, from, to room) bool {
	if from.path == to.path || slices.Contains(from.imports, to.path) {
		return true
	}
	place := func(r room) int {
		return slices.IndexFunc(rooms, func(other room) bool { return other.path == r.path })
	}
	return (to.everyone && !from.none || from.all) && place(to) < place(from)
}
