package camera

import (
	_ "embed" // kinds.yaml
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/config/strict"
)

//go:embed kinds.yaml
var kindsFile []byte

// Names of vendors, under which kinds.yaml and the configuration have mappings.
const (
	Hikvision = "hikvision"
	Frigate   = "frigate"
	Generic   = "camera"
)

// Vendors are those that may have mappings.
func Vendors() []string { return []string{Hikvision, Frigate, Generic} }

// KindUnknown is what an event is whose kind nothing maps. It is kept all the
// same, with the vendor's own word.
const KindUnknown = "unknown"

// kindPlate is a vehicle that was recognized by its plate; no picture of it is
// kept.
const kindPlate = "vehicle_passing"

// Kind is one kind of problem or occurrence. Its words are those of kinds.yaml.
type Kind struct {
	ID       string
	Name     string
	NameZH   string `yaml:"zh"`
	Domain   string
	Severity string
	Team     string
	Also     []string // other names
}

// Kinds says what kind it is that a vendor calls by a word. It is immutable
// and safe for concurrent use.
type Kinds struct {
	all     []Kind
	byID    map[string]*Kind
	names   map[string]string            // plain name to id
	vendors map[string]map[string]string // vendor, plain word, id
}

// NewKinds returns the kinds of kinds.yaml, and those of own in addition or in
// their place. mappings have vendors, their words, and ids of kinds; they go
// before those of kinds.yaml. A mapping to a kind that does not exist is an
// error.
func NewKinds(own []Kind, mappings map[string]map[string]string) (*Kinds, error) {
	var builtin struct {
		Kinds   []Kind
		Vendors map[string]map[string]string
	}
	if err := yaml.Unmarshal(kindsFile, &builtin); err != nil {
		return nil, fmt.Errorf("read kinds.yaml: %w", err)
	}
	k := &Kinds{byID: map[string]*Kind{}, names: map[string]string{}, vendors: map[string]map[string]string{}}
	replaced := func(b Kind) bool { return slices.ContainsFunc(own, func(o Kind) bool { return o.ID == b.ID }) }
	k.all = append(slices.DeleteFunc(builtin.Kinds, replaced), own...)
	for i := range k.all {
		kind := &k.all[i]
		k.byID[kind.ID] = kind
		for _, name := range append([]string{kind.Name, kind.NameZH}, kind.Also...) {
			k.names[plain(name)] = kind.ID
		}
	}
	for id := range k.byID { // an id is never another kind's name
		k.names[plain(id)] = id
	}
	delete(k.names, "")
	for _, from := range []map[string]map[string]string{builtin.Vendors, mappings} {
		for vendor, words := range from {
			if k.vendors[vendor] == nil {
				k.vendors[vendor] = map[string]string{}
			}
			for word, id := range words {
				if k.byID[id] == nil && id != KindUnknown {
					return nil, fmt.Errorf("mappings: %s: %q is mapped to %q, which is no kind", vendor, word, id)
				}
				k.vendors[vendor][plain(word)] = id
			}
		}
	}
	return k, nil
}

// KindsOf are the kinds of a configuration.
func KindsOf(c config.Camera) (*Kinds, error) {
	var own []Kind
	for _, k := range c.Kinds {
		own = append(own, Kind{ID: k.ID, Name: k.Name, NameZH: k.NameZH, Domain: k.Domain, Severity: k.Severity, Team: k.Team, Also: k.Also})
	}
	return NewKinds(own, c.Mappings)
}

// plain is a word without what senders write in many ways: case, spaces, -, _
// and the like. / and @, which join words, stay.
func plain(word string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || r == '/' || r == '@' {
			return unicode.ToLower(r)
		}
		return -1
	}, word)
}

// Find returns the kind of the first word that means one, for the vendor or as
// a name; also without what is often put behind it ("parkingDetection",
// 占道经营告警). Where none does, a name of four characters of Chinese or more is
// looked for inside of the words, because people call their rules "三区占道经营".
func (k *Kinds) Find(vendor string, words ...string) (Kind, bool) {
	for _, word := range words {
		for p := plain(word); ; {
			id, ok := k.vendors[vendor][p]
			if !ok {
				id, ok = k.names[p]
			}
			if ok && id != KindUnknown {
				return *k.byID[id], true
			}
			shorter := withoutEnding(p)
			if ok || shorter == p {
				break
			}
			p = shorter
		}
	}
	for _, word := range words {
		if id := k.inside(plain(word)); id != "" {
			return *k.byID[id], true
		}
	}
	return Kind{ID: KindUnknown}, false
}

func withoutEnding(word string) string {
	for _, end := range []string{"检测", "侦测", "识别", "告警", "报警", "事件", "预警", "detection", "alarm", "alert", "event"} {
		if shorter, found := strings.CutSuffix(word, end); found && shorter != "" {
			return shorter
		}
	}
	return word
}

// inside returns the kind whose Chinese name is the longest in word, or "".
func (k *Kinds) inside(word string) (id string) {
	if !strings.ContainsFunc(word, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
		return ""
	}
	longest := ""
	for name, of := range k.names {
		if utf8.RuneCountInString(name) >= 4 && name[0] >= utf8.RuneSelf && strings.Contains(word, name) &&
			(len(name) > len(longest) || len(name) == len(longest) && name < longest) {
			id, longest = of, name
		}
	}
	return id
}

// mapped says whether the vendor's own mappings know the word.
func (k *Kinds) mapped(vendor, word string) bool {
	_, ok := k.vendors[vendor][plain(word)]
	return ok
}

// Get returns the kind of an id. That of KindUnknown has only names.
func (k *Kinds) Get(id string) (Kind, bool) {
	if kind := k.byID[id]; kind != nil {
		return *kind, true
	}
	if id == KindUnknown {
		return Kind{ID: KindUnknown, Name: "Unknown", NameZH: "未知"}, true
	}
	return Kind{}, false
}

// All are all kinds, in the order of kinds.yaml.
func (k *Kinds) All() []Kind { return slices.Clone(k.all) }

// Resolve returns the id of the kind that word is the id or a name of, in either
// language. The error says what there is.
func (k *Kinds) Resolve(word string) (id string, err error) {
	if word == KindUnknown {
		return word, nil
	}
	if id, ok := k.names[plain(word)]; ok {
		return id, nil
	}
	ids, words := []string{KindUnknown}, []string{}
	for _, kind := range k.all {
		ids = append(ids, kind.ID)
		words = append(append(words, kind.ID, kind.Name, kind.NameZH), kind.Also...)
	}
	if near := strict.Nearest(word, words); near != "" {
		return "", fmt.Errorf("there is no kind %q; did you mean %q?", word, near)
	}
	slices.Sort(ids)
	return "", fmt.Errorf("there is no kind %q; there are %s", word, strings.Join(ids, ", "))
}

// Matching are the ids of kinds that have text in one of their names.
func (k *Kinds) Matching(text string) (ids []string) {
	text = strings.ToLower(text)
	for _, kind := range k.all {
		if strings.Contains(strings.ToLower(kind.ID+"\n"+kind.Name+"\n"+kind.NameZH), text) {
			ids = append(ids, kind.ID)
		}
	}
	return ids
}
