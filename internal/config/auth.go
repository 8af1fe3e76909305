package config

import (
	"encoding/hex"
	"errors"
	"os"
	"strings"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// HashPrefix begins the written form of a token's hash; 64 hexadecimal digits
// of its SHA-256 follow.
const HashPrefix = "sha256:"

// Scope is a thing that a token allows.
type Scope string

// The scopes. ScopeAdmin includes the others.
const (
	ScopeWrite Scope = "write" // send readings
	ScopeRead  Scope = "read"  // query, look at alerts and pages
	ScopeAdmin Scope = "admin" // silence, reload, and all of the others
)

// Auth says who may do what.
type Auth struct {
	Tokens []Token
	// Insecure opens everything to everyone, whatever Listen and Tokens say.
	Insecure bool
}

// Token is one bearer of scopes.
type Token struct {
	Name   string
	Hash   [32]byte // SHA-256 of the secret
	Scopes []Scope
}

// ParseHash reads `sha256:` and 64 hexadecimal digits.
func ParseHash(text string) (hash [32]byte, ok bool) {
	digits, found := strings.CutPrefix(strings.TrimSpace(text), HashPrefix)
	if !found || len(digits) != hex.EncodedLen(len(hash)) {
		return hash, false
	}
	_, err := hex.Decode(hash[:], []byte(digits))
	return hash, err == nil
}

// FormatHash is the written form of hash.
func FormatHash(hash [32]byte) string { return HashPrefix + hex.EncodeToString(hash[:]) }

// tokenEntry is a token while it is read; hashes counts the places that its
// hash was taken from.
type tokenEntry struct {
	Token
	hashes int
}

func (p *parser) auth(v strict.Value, c *Config) {
	strict.Mapping(v, &c.Auth, strict.Keys[Auth]{
		"tokens": p.tokens,
		"insecure": func(v strict.Value, a *Auth) {
			strict.Set(v, &a.Insecure, strict.Bool)
		},
	})
}

func (p *parser) tokens(v strict.Value, a *Auth) {
	names, hashes := map[string]int{}, map[[32]byte]int{}
	strict.List(v.Hidden(), "a list of tokens, each with name, hash and scopes", func(v strict.Value) {
		var t tokenEntry
		before := p.file.Count()
		strict.Mapping(v, &t, p.tokenKeys())
		if p.file.Count() > before {
			return
		}
		switch {
		case t.Name == "":
			v.Refuse("want a name, so that logs and people can tell tokens apart")
		case names[t.Name] > 0:
			v.Refuse("want a name of its own; %q is already on line %d", t.Name, names[t.Name])
		case t.hashes != 1:
			v.Refuse("want exactly one of hash, hash_file and hash_env; got %d of them", t.hashes)
		case hashes[t.Hash] > 0:
			v.Refuse("want a hash of its own; the token on line %d has the same", hashes[t.Hash])
		case len(t.Scopes) == 0:
			v.Refuse("want scopes, some of write, read and admin")
		}
		names[t.Name], hashes[t.Hash] = v.Line(), v.Line()
		a.Tokens = append(a.Tokens, t.Token)
	})
}

func (p *parser) tokenKeys() strict.Keys[tokenEntry] {
	return strict.Keys[tokenEntry]{
		"name": func(v strict.Value, t *tokenEntry) {
			strict.Set(v, &t.Name, strict.Text("a name"))
		},
		"hash": func(v strict.Value, t *tokenEntry) {
			text, _ := v.Text()
			t.setHash(v, text, "the hash")
		},
		"hash_file": func(v strict.Value, t *tokenEntry) {
			var path string
			p.path(v, &path)
			if path == "" {
				return
			}
			text, err := os.ReadFile(path)
			if err != nil {
				v.Refuse("want a file that can be read: %v", errors.Unwrap(err))
				return
			}
			t.setHash(v, string(text), "its content")
		},
		"hash_env": func(v strict.Value, t *tokenEntry) {
			name, _ := v.Text()
			text, set := os.LookupEnv(name)
			if !set {
				v.Refuse("want the name of an environment variable that is set")
				return
			}
			t.setHash(v, text, "its content")
		},
		"scopes": func(v strict.Value, t *tokenEntry) {
			strict.List(v, "a list of scopes, some of write, read and admin", func(v strict.Value) {
				var scope Scope
				strict.Set(v, &scope, strict.OneOf(ScopeWrite, ScopeRead, ScopeAdmin))
				t.Scopes = append(t.Scopes, scope)
			})
		},
	}
}

// setHash never repeats what it got, which may be the secret itself.
func (t *tokenEntry) setHash(v strict.Value, text, what string) {
	t.hashes++
	var ok bool
	if t.Hash, ok = ParseHash(text); !ok {
		v.Refuse("want %s to be sha256: and 64 hexadecimal digits, as `belfry token new` prints them; got something else", what)
	}
}
