package config

import (
	"context"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// HJ212 is the listener for environmental monitors that speak HJ 212.
type HJ212 struct {
	Listen          string // host:port; "": off
	TLS             bool   // with the certificate of Config.TLS
	Stations        []HJ212Station
	Codes           map[string]string // metrics of pollutant codes, besides the standard's
	ValidFlags      []string          // data flags of values that are fit for use
	MaxSegment      int64             // bytes of a data segment
	MaxConnections  int64
	IdleTimeout     time.Duration // without a frame that is taken
	FrameTimeout    time.Duration // in which a frame must have arrived
	PartTimeout     time.Duration // in which the next part of a report must have arrived
	HeartbeatAnswer int           // command
}

// HJ212Station is a device that may send.
type HJ212Station struct {
	MN       string
	Password string
	Asset    string // "": what the catalog says, else the MN
	Labels   map[string]string
}

// HJ212Late is what limits.late is where HJ 212 is listened for and nothing is
// given: a day's report comes after the day, with the time of its beginning.
const HJ212Late = 72 * time.Hour

func defaultHJ212() HJ212 {
	return HJ212{
		// 1 and 3 are HJ/T 212-2005's, for air: meteorological, and valid.
		ValidFlags: []string{"N", "T", "1", "3"},
		MaxSegment: 4096, MaxConnections: 20_000,
		// The standard's longest interval between two reports is an hour.
		IdleTimeout: 65 * time.Minute, FrameTimeout: 30 * time.Second, PartTimeout: time.Minute,
		HeartbeatAnswer: 9014,
	}
}

// fixed is what of it a reload does not change.
func (h HJ212) fixed() HJ212 {
	h.Stations, h.Codes, h.ValidFlags = nil, nil, nil
	return h
}

// lateForHJ212 makes room for the reports of days.
func (c *Config) lateForHJ212(given bool) {
	if c.Inputs.HJ212.Listen != "" && !given {
		c.Limits.Late = max(c.Limits.Late, HJ212Late)
	}
}

// hj212Exposed says what is wrong when strangers could send or listen in.
func (c *Config) hj212Exposed(ctx context.Context) error {
	h := c.Inputs.HJ212
	if h.Listen != "" && h.TLS && c.TLS.Cert == "" {
		return c.Problem("inputs.hj212", "want a certificate and its key under tls, because inputs.hj212.tls is true; got none")
	}
	if h.Listen == "" || h.Stations != nil || c.Auth.Insecure || Loopback(ctx, h.Listen) {
		return nil
	}
	return c.Problem("inputs.hj212", "want stations, because %s can be reached from beyond this machine; got none. "+
		"List each device with its mn and password under inputs.hj212.stations, or listen on 127.0.0.1, "+
		"or open it to everyone with auth.insecure: true (flag --insecure)", h.Listen)
}

func (p *parser) hj212(v strict.Value, in *Inputs) {
	strict.Mapping(v, &in.HJ212, strict.Keys[HJ212]{
		"listen": func(v strict.Value, h *HJ212) {
			if text, ok := v.Text(); ok && text == "" {
				h.Listen = ""
				return
			}
			strict.Set(v, &h.Listen, strict.HostPort)
		},
		"tls":         func(v strict.Value, h *HJ212) { strict.Set(v, &h.TLS, strict.Bool) },
		"stations":    p.hj212Stations,
		"codes":       hj212Codes,
		"valid_flags": hj212Flags,
		"max_segment": func(v strict.Value, h *HJ212) {
			var n int64
			strict.Set(v, &n, strict.Size(1024, "4096"))
			if n > 9999 {
				v.Want("at most 9999 bytes, the most that the four digits of a frame's length can say")
				return
			}
			h.MaxSegment = n
		},
		"max_connections": func(v strict.Value, h *HJ212) {
			strict.Set(v, &h.MaxConnections, strict.Whole("a whole number of connections", 1, 20_000))
		},
		"idle_timeout": func(v strict.Value, h *HJ212) {
			strict.Set(v, &h.IdleTimeout, strict.Duration(time.Second, "65m"))
		},
		"frame_timeout": func(v strict.Value, h *HJ212) {
			strict.Set(v, &h.FrameTimeout, strict.Duration(100*time.Millisecond, "30s"))
		},
		"part_timeout": func(v strict.Value, h *HJ212) {
			strict.Set(v, &h.PartTimeout, strict.Duration(100*time.Millisecond, "1m"))
		},
		"heartbeat_answer": func(v strict.Value, h *HJ212) {
			var text string
			strict.Set(v, &text, strict.OneOf("9014", "9013"))
			if n, err := strconv.Atoi(text); err == nil {
				h.HeartbeatAnswer = n
			}
		},
	})
}

// hj212Entry is a station while it is read.
type hj212Entry struct {
	HJ212Station
	passwords int
}

func (p *parser) hj212Stations(v strict.Value, h *HJ212) {
	lines := map[string]int{}
	h.Stations = []HJ212Station{}
	strict.List(v.Hidden(), "a list of stations, each with mn and password", func(v strict.Value) {
		var s hj212Entry
		before := p.file.Count()
		strict.Mapping(v, &s, p.hj212StationKeys())
		if p.file.Count() > before {
			return
		}
		switch {
		case s.MN == "":
			v.Refuse("want mn, the number by which the device calls itself")
		case lines[s.MN] > 0:
			v.Refuse("want each mn once; %q is already on line %d", s.MN, lines[s.MN])
		case s.passwords != 1:
			v.Refuse("want exactly one of password, password_file and password_env; got %d of them", s.passwords)
		}
		lines[s.MN] = v.Line()
		h.Stations = append(h.Stations, s.HJ212Station)
	})
}

func (p *parser) hj212StationKeys() strict.Keys[hj212Entry] {
	return strict.Keys[hj212Entry]{
		"mn":       func(v strict.Value, s *hj212Entry) { strict.Set(v, &s.MN, hj212Word("the MN of the device")) },
		"asset":    func(v strict.Value, s *hj212Entry) { strict.Set(v, &s.Asset, strict.Text("the id of an asset")) },
		"password": func(v strict.Value, s *hj212Entry) { s.setPassword(v, v.Text) },
		"password_file": func(v strict.Value, s *hj212Entry) {
			var path string
			p.path(v, &path)
			if path == "" {
				return
			}
			text, err := os.ReadFile(path)
			if err != nil {
				v.Refuse("want a file that can be read: %v", err)
				return
			}
			s.setPassword(v, func() (string, bool) { return strings.TrimSpace(string(text)), true })
		},
		"password_env": func(v strict.Value, s *hj212Entry) {
			name, _ := v.Text()
			text, set := os.LookupEnv(name)
			if !set {
				v.Refuse("want the name of an environment variable that is set")
				return
			}
			s.setPassword(v, func() (string, bool) { return text, true })
		},
		"labels": func(v strict.Value, s *hj212Entry) {
			s.Labels = map[string]string{}
			strict.Pairs(v, "labels and their values, such as {operator: east}", func(name string, v strict.Value) {
				if _, want := labelName(name); want != "" {
					v.Refuse("want %s", want)
					return
				}
				var value string
				strict.Set(v, &value, strict.Text("a value for the label"))
				s.Labels[name] = value
			})
		},
	}
}

// setPassword never repeats what it got.
func (s *hj212Entry) setPassword(v strict.Value, text func() (string, bool)) {
	s.passwords++
	password, ok := text()
	if _, want := hj212Word("a password")(password); !ok || want != "" {
		v.Refuse("want a password of at most 64 characters without ; , & = # and blanks; got something else")
		return
	}
	s.Password = password
}

// hj212Word accepts what can stand in a frame as one word.
func hj212Word(what string) strict.Scalar[string] {
	return func(text string) (string, string) {
		const longest = 64
		unfit := func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(";,&=#", r) }
		if text == "" || len(text) > longest || strings.ContainsFunc(text, unfit) {
			return "", what + ", at most 64 letters, digits and signs other than ; , & = #"
		}
		return text, ""
	}
}

func hj212Codes(v strict.Value, h *HJ212) {
	h.Codes = nil
	seen := map[string]string{}
	strict.Pairs(v, "codes and their metrics, such as {a34004: air_pm2_5_mg_per_m3}", func(code string, v strict.Value) {
		text, ok := v.Text()
		if !ok || !metricPattern.MatchString(text) || strings.HasPrefix(text, "__") {
			v.Want("the name of a metric with its unit, such as gas_ch4_lel_percent")
			return
		}
		if _, want := hj212Word("a code")(code); want != "" || strings.Contains(code, "-") {
			v.Refuse("want a code as devices send it, such as a34004")
			return
		}
		if other, twice := seen[strings.ToLower(code)]; twice {
			v.Refuse("want each code once; %q differs from %q in case only", code, other)
			return
		}
		seen[strings.ToLower(code)] = code
		if h.Codes == nil {
			h.Codes = map[string]string{}
		}
		h.Codes[code] = text
	})
}

func hj212Flags(v strict.Value, h *HJ212) {
	flags := []string{}
	strict.List(v, `a list of data flags, such as [N, T]`, func(v strict.Value) {
		var flag string
		strict.Set(v, &flag, hj212Word("a data flag, such as N"))
		if flag != "" {
			flags = append(flags, strings.ToUpper(flag))
		}
	})
	h.ValidFlags = flags
}
