package chart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"golang.org/x/image/font/opentype"
	"golang.org/x/image/font/sfnt"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/font/liberation"
)

// ErrNoFont says that there is no font for the letters of a text.
var ErrNoFont = errors.New("no font on this machine has Chinese letters; install one, such as Debian's fonts-noto-cjk, or name a file by --font")

// face finds a font for all of a text: the one that Belfry carries, which is Latin, Greek and Cyrillic, or one of the
// machine.
func face(text, file string) (*font.Cache, font.Font, error) {
	if file == "" {
		chosen := font.Font{Typeface: "Liberation", Variant: "Sans"}
		carried := font.NewCache(liberation.Collection())
		if !strings.ContainsFunc(text, beyondLatin) {
			return carried, chosen, nil
		}
		if file = installed(); file == "" {
			return carried, chosen, ErrNoFont
		}
	}
	parsed, err := load(file)
	if err != nil {
		return nil, font.Font{}, fmt.Errorf("--font %s: %w", file, err)
	}
	chosen := font.Font{Typeface: "Belfry"}
	return font.NewCache(font.Collection{{Font: chosen, Face: parsed}}), chosen, nil
}

func beyondLatin(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul) || r >= 0x3000 && r < 0x3040 || r >= 0xff00 && r < 0xfff0
}

// installed looks for a font with Chinese letters where systems keep them.
func installed() string {
	home, _ := os.UserHomeDir()
	known := []string{
		"notosanscjk-regular", "notosanssc-regular", "notosanscjksc-regular", "sourcehansanssc-regular", "sourcehansanscn-regular", "wqy-microhei", "wqy-zenhei",
		"droidsansfallback", "msyh", "simhei", "simsun", "pingfang", "hiragino sans gb", "stheiti light", "arial unicode",
	}
	best, rank := "", len(known)
	for _, dir := range []string{
		"/usr/share/fonts", "/usr/local/share/fonts", filepath.Join(home, ".fonts"), filepath.Join(home, ".local/share/fonts"),
		"/System/Library/Fonts", "/Library/Fonts", `C:\Windows\Fonts`,
	} {
		_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil //nolint:nilerr // what cannot be looked into has no font for us
			}
			name := strings.ToLower(d.Name())
			for i, k := range known[:rank] {
				if strings.HasPrefix(name, k) {
					best, rank = path, i
					break
				}
			}
			return nil
		})
	}
	return best
}

// load reads a font, of a collection the one for simplified Chinese.
func load(file string) (*opentype.Font, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all, err := opentype.ParseCollection(content)
	if err != nil {
		return nil, fmt.Errorf("want a TrueType or OpenType font: %w", err)
	}
	for i := range all.NumFonts() {
		f, err := all.Font(i)
		if err != nil {
			return nil, err
		}
		if name, err := f.Name(nil, sfnt.NameIDFull); err == nil && strings.Contains(name, " SC") {
			return f, nil
		}
	}
	return all.Font(0)
}
