package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Camera says how to understand what cameras report.
type Camera struct {
	// Kinds are those that Belfry does not bring along, or has otherwise.
	Kinds []CameraKind
	// Mappings have vendors (hikvision, frigate, camera), their words, and ids of
	// kinds.
	Mappings map[string]map[string]string
	// HeartbeatTimeout is how long a camera may be silent, by vendor. A vendor
	// that is not in it has its default, of which a camera that never sends
	// heartbeats is exempt.
	HeartbeatTimeout map[string]time.Duration
	// SameEventWithin is how far apart messages may be to be of one event, where
	// the sender does not name its events.
	SameEventWithin time.Duration
	// Frames are the sizes of pictures, by asset; those of "*" are the others'.
	Frames map[string]CameraFrame
	// FrigateURL is where Frigate's own API is, "" if not known.
	FrigateURL string
}

// CameraKind is a kind of problem.
type CameraKind struct {
	ID, Name, NameZH, Domain, Severity, Team string
	Also                                     []string
}

// CameraFrame is the size of a picture in pixels.
type CameraFrame struct{ Width, Height float64 }

// Events says how long events are kept, and what of them.
type Events struct {
	Time     time.Duration // 0: no limit
	Size     int64         // bytes on disk; 0: no limit
	Snapshot int64         // bytes of a picture; 0: none is kept
	Raw      int64         // bytes of a message
}

func defaultCamera() Camera { return Camera{SameEventWithin: time.Minute} }

func defaultEvents() Events {
	return Events{Time: 90 * 24 * time.Hour, Size: 5_000_000_000, Snapshot: 1 << 20, Raw: 16 << 10}
}

func (p *parser) events(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Events, strict.Keys[Events]{
		"time":     func(v strict.Value, e *Events) { strict.Set(v, &e.Time, strict.Duration(0, "90d")) },
		"size":     func(v strict.Value, e *Events) { strict.Set(v, &e.Size, strict.Size(0, "5GB")) },
		"snapshot": func(v strict.Value, e *Events) { strict.Set(v, &e.Snapshot, strict.Size(0, "1MiB")) },
		"raw":      func(v strict.Value, e *Events) { strict.Set(v, &e.Raw, strict.Size(0, "16KiB")) },
	})
	if c.Events.Size > 0 && c.Events.Size < 1<<20 {
		v.Refuse("want size to be 0 or at least 1MiB; got %d bytes", c.Events.Size)
	}
}

func (p *parser) camera(v strict.Value, in *Inputs) {
	strict.Mapping(v, &in.Camera, strict.Keys[Camera]{
		"kinds":             p.cameraKinds,
		"mappings":          p.cameraMappings,
		"heartbeat_timeout": p.heartbeatTimeout,
		"same_event_within": func(v strict.Value, c *Camera) {
			strict.Set(v, &c.SameEventWithin, strict.Duration(time.Second, "1m"))
		},
		"frames": func(v strict.Value, c *Camera) {
			strict.Pairs(v, `sizes of pictures, such as {"*": 1280x720, CAM-7: 1920x1080}`, func(asset string, v strict.Value) {
				var f CameraFrame
				strict.Set(v, &f, frameSize)
				put(&c.Frames, asset, f)
			})
		},
		"frigate_url": func(v strict.Value, c *Camera) { strict.Set(v, &c.FrigateURL, frigateURL) },
	})
}

// put adds to a map, which stays nil while nothing is in it.
func put[V any](to *map[string]V, key string, v V) {
	if *to == nil {
		*to = map[string]V{}
	}
	(*to)[key] = v
}

func frameSize(text string) (f CameraFrame, want string) {
	if n, err := fmt.Sscanf(text, "%gx%g", &f.Width, &f.Height); n != 2 || err != nil || f.Width < 1 || f.Height < 1 {
		return f, "the width and height of a picture, such as 1280x720"
	}
	return f, ""
}

func frigateURL(text string) (string, string) {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil) {
		return "", "an address without a password, such as http://frigate:5000"
	}
	return strings.TrimSuffix(text, "/"), ""
}

func cameraVendors() []string { return []string{"hikvision", "frigate", "camera"} }

// heartbeatTimeout is one for all, or one for each vendor.
func (p *parser) heartbeatTimeout(v strict.Value, c *Camera) {
	read := strict.Duration(time.Second, "5m")
	if _, single := v.Text(); single {
		var d time.Duration
		strict.Set(v, &d, read)
		for _, vendor := range cameraVendors() {
			put(&c.HeartbeatTimeout, vendor, d)
		}
		return
	}
	strict.Pairs(v, "a duration, or one for each vendor, such as {hikvision: 2m, camera: 1h}", func(vendor string, v strict.Value) {
		if !slices.Contains(cameraVendors(), vendor) {
			v.Refuse("want a vendor, one of %s", strings.Join(cameraVendors(), ", "))
			return
		}
		var d time.Duration
		strict.Set(v, &d, read)
		put(&c.HeartbeatTimeout, vendor, d)
	})
}

func (p *parser) cameraMappings(v strict.Value, c *Camera) {
	strict.Pairs(v, "words of vendors and kinds, such as {hikvision: {fielddetection: illegal_parking}}", func(vendor string, v strict.Value) {
		if !slices.Contains(cameraVendors(), vendor) {
			v.Refuse("want a vendor, one of %s", strings.Join(cameraVendors(), ", "))
			return
		}
		words := map[string]string{}
		strict.Pairs(v, "words and kinds, such as {fielddetection: illegal_parking}", func(word string, v strict.Value) {
			var kind string
			strict.Set(v, &kind, strict.Text("the id of a kind, such as illegal_parking"))
			words[word] = kind
		})
		put(&c.Mappings, vendor, words)
	})
}

func (p *parser) cameraKinds(v strict.Value, c *Camera) {
	lines := map[string]int{}
	strict.List(v, "a list of kinds, each with id, name, zh, domain, severity and team", func(v strict.Value) {
		var k CameraKind
		before := v.Problems()
		strict.Mapping(v, &k, p.cameraKindKeys())
		if v.Problems() > before {
			return
		}
		missing := map[string]string{"id": k.ID, "domain": k.Domain, "severity": k.Severity, "team": k.Team}
		maps.DeleteFunc(missing, func(_, given string) bool { return given != "" })
		switch {
		case len(missing) > 0:
			v.Refuse("want %s; got none", strings.Join(slices.Sorted(maps.Keys(missing)), ", "))
		case lines[k.ID] > 0:
			v.Refuse("want each kind once; %s is already on line %d", k.ID, lines[k.ID])
		}
		lines[k.ID] = v.Line()
		if k.Name == "" {
			k.Name = k.ID
		}
		if k.NameZH == "" {
			k.NameZH = k.Name
		}
		c.Kinds = append(c.Kinds, k)
	})
}

func (p *parser) cameraKindKeys() strict.Keys[CameraKind] {
	return strict.Keys[CameraKind]{
		"id":   func(v strict.Value, k *CameraKind) { strict.Set(v, &k.ID, kindID) },
		"name": func(v strict.Value, k *CameraKind) { strict.Set(v, &k.Name, strict.Text("a name")) },
		"zh":   func(v strict.Value, k *CameraKind) { strict.Set(v, &k.NameZH, strict.Text("a name in Chinese")) },
		"domain": func(v strict.Value, k *CameraKind) {
			strict.Set(v, &k.Domain, assetDomain)
		},
		"severity": func(v strict.Value, k *CameraKind) {
			strict.Set(v, &k.Severity, strict.OneOf("critical", "warning", "info"))
		},
		"team": func(v strict.Value, k *CameraKind) {
			strict.Set(v, &k.Team, strict.OneOf("sanitation", "municipal", "landscape", "urban_management", "volunteers"))
		},
		"also": func(v strict.Value, k *CameraKind) {
			strict.List(v, "a list of other names", func(v strict.Value) {
				var name string
				strict.Set(v, &name, strict.Text("a name"))
				k.Also = append(k.Also, name)
			})
		},
	}
}

func kindID(text string) (string, string) {
	if _, want := labelName(text); want != "" || text == "unknown" || text != strings.ToLower(text) {
		return "", "an id of small letters, digits and _, such as dog_off_leash"
	}
	return text, ""
}
