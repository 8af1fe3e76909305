package mqtt

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/belfry-city/belfry/collector/input"
)

// Pattern is a topic filter as MQTT has them (MQTT 5.0, section 4.7), in which a
// level `+name` matches what + does and makes a label of it.
type Pattern struct {
	text   string
	levels []level
	rest   bool // it ends in #
}

type level struct {
	literal string
	any     bool
	label   string // of any; may be ""
}

// maxTopic is the length in bytes of the longest topic in MQTT.
const maxTopic = 65535

// ParsePattern reads a pattern such as city/+district/+asset/#.
func ParsePattern(text string) (*Pattern, error) {
	if err := checkText(text); err != nil {
		return nil, err
	}
	if strings.HasPrefix(text, "$share/") {
		return nil, errors.New("a shared subscription is made by the key group of a client")
	}
	p := &Pattern{text: text}
	parts := strings.Split(text, "/")
	for i, part := range parts {
		switch name, named := strings.CutPrefix(part, "+"); {
		case part == "#" && i == len(parts)-1:
			p.rest = true
		case part == "#":
			return nil, errors.New("# stands for all that follows, so nothing can follow it")
		case named && name == "":
			p.levels = append(p.levels, level{any: true})
		case named && !input.LabelName(name):
			return nil, fmt.Errorf("%q: want + and the name of a label, of letters, digits and _", part)
		case named && p.has(name):
			return nil, fmt.Errorf("%q: the label occurs twice", part)
		case named:
			p.levels = append(p.levels, level{any: true, label: name})
		case strings.ContainsAny(part, "+#"):
			return nil, fmt.Errorf("%q: + and # stand at the beginning of a level", part)
		default:
			p.levels = append(p.levels, level{literal: part})
		}
	}
	return p, nil
}

// checkText says what is wrong with a topic or filter as text.
func checkText(text string) error {
	switch {
	case text == "":
		return errors.New("it is empty")
	case len(text) > maxTopic:
		return fmt.Errorf("it is longer than %d bytes", maxTopic)
	case !utf8.ValidString(text):
		return errors.New("it is not valid UTF-8")
	case strings.ContainsRune(text, 0):
		return errors.New("it has a NUL character")
	}
	return nil
}

func (p *Pattern) has(label string) bool {
	for _, l := range p.levels {
		if l.label == label {
			return true
		}
	}
	return false
}

// String is the pattern as it was written.
func (p *Pattern) String() string { return p.text }

// Filter is the topic filter by which a broker knows the pattern.
func (p *Pattern) Filter() string {
	var parts []string
	for _, l := range p.levels {
		if l.any {
			parts = append(parts, "+")
		} else {
			parts = append(parts, l.literal)
		}
	}
	if p.rest {
		parts = append(parts, "#")
	}
	return strings.Join(parts, "/")
}

// Labels are the names of the labels that the pattern makes.
func (p *Pattern) Labels() (names []string) {
	for _, l := range p.levels {
		if l.label != "" {
			names = append(names, l.label)
		}
	}
	return names
}

// Match says whether the topic is one of the pattern's, and appends the labels
// that it makes. An empty level makes no label.
func (p *Pattern) Match(topic string, labels []input.Label) ([]input.Label, bool) {
	first := len(labels)
	if strings.HasPrefix(topic, "$") && (len(p.levels) == 0 || p.levels[0].any) {
		return labels, false // [MQTT-4.7.2-1]
	}
	rest, more := topic, true
	for _, l := range p.levels {
		if !more {
			return labels[:first], false
		}
		var part string
		part, rest, more = strings.Cut(rest, "/")
		switch {
		case !l.any && part != l.literal:
			return labels[:first], false
		case l.label != "" && part != "":
			labels = append(labels, input.Label{Name: l.label, Value: part})
		}
	}
	if more && !p.rest {
		return labels[:first], false
	}
	return labels, true
}

// covers says whether every topic of other is one of p's too.
func (p *Pattern) covers(other *Pattern) bool {
	for i, l := range p.levels {
		switch {
		case i >= len(other.levels):
			return false
		case l.any && (i > 0 || !strings.HasPrefix(other.levels[0].literal, "$")):
		case other.levels[i].any || other.levels[i].literal != l.literal:
			return false
		}
	}
	if p.rest {
		return len(p.levels) > 0 || len(other.levels) == 0 || !strings.HasPrefix(other.levels[0].literal, "$")
	}
	return len(p.levels) == len(other.levels) && !other.rest
}
