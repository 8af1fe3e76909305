package plate

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// certainty says whether a name is that of a number plate.
type certainty int

const (
	no certainty = iota
	// hint: in a text, what looks much like a plate is one. As a label it is a
	// name like others: instruments have tag numbers, TI-1013.
	hint
	// maybe: what looks much like a plate is one.
	maybe
	// likely: what could be a plate is one. A plate may also be of steel.
	likely
	sure
)

// longestKey is the most characters of a name that are looked at.
const longestKey = 64

// key says whether the key, element or column in text[from:to] is that of a
// plate. What is likely is sure there, and what may be is likely: nothing is lost
// where more goes than has to.
func (s *scan) key(from, to int) certainty {
	switch c := s.name(from, to); c {
	case likely:
		return sure
	case maybe:
		return likely
	default:
		return c
	}
}

// name says whether the name in text[from:to] is that of a plate. It may be
// spelled with escapes, in camel case, with underscores.
func (s *scan) name(from, to int) certainty {
	var buf [longestKey * 4]byte
	name := buf[:0]
	for i, n := from, 0; i < to; n++ {
		u := s.at(i)
		if n == longestKey {
			return no
		}
		i += u.n
		switch u.r {
		case '_', '-', '.', ' ', '\n', '\t', '\u3000':
		default:
			if c, _ := fold(u.r); c != 0 {
				u.r = unicode.ToLower(rune(c))
			}
			name = utf8.AppendRune(name, u.r)
		}
	}
	return keyName(name)
}

func keyName(name []byte) certainty {
	if len(name) < 2 {
		return no
	}
	n := view(name)
	if !isASCII(name) {
		for _, word := range []string{"车牌", "号牌", "車牌", "牌照", "车辆牌号", "车辆号码"} {
			if _, rest, found := strings.Cut(n, word); found {
				return about(rest)
			}
		}
	}
	if before, behind, found := cutLast(n, "plate"); found {
		return plateName(before, behind)
	}
	switch n {
	case "tagnumber", "tagno", "ocrtext":
		return hint
	case "license", "licence", "registration", "lp", "anpr":
		return maybe
	case "车号", "車號", "lpr", "plaque", "targa", "placa", "placas", "patente", "chapa", "plaka", "rego", "spz", "номер", "ナンバー":
		return likely
	}
	if exact(n) {
		return sure
	}
	for _, end := range []string{"carno", "carnumber", "vehicleno", "vehiclenumber", "licenseno", "licensenumber", "licenceno", "licencenumber", "hphm", "sublabel", "licensetag", "licencetag"} {
		if strings.HasSuffix(n, end) {
			return sure
		}
	}
	return no
}

func isASCII(name []byte) bool {
	for _, c := range name {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// exact names of plates: what vendors, standards and languages call them. hphm
// (号牌号码) is of GA/T 543.
func exact(n string) bool {
	switch n {
	case "carnum", "carlicense", "carlicence", "carlicensenum", "vehiclenum", "vehiclelicense", "vehiclelicence",
		"vehicleregistration", "vehicleregistrationmark", "vehicleregistrationnumber", "vehicleregistrationno",
		"registrationno", "registrationnumber", "registrationmark", "regno", "regnr", "regnum", "regnumber",
		"vrm", "vrn", "lpn", "lpnumber", "lptext", "licno", "licnum", "platno", "sublabels",
		"cph", "cphm", "chepai", "chepaihao", "chepaihaoma", "haopai",
		"kennzeichen", "kfzkennzeichen", "nummernschild", "matricula", "matrícula", "immatriculation",
		"kenteken", "nummerplade", "nummerskilt", "registreringsnummer", "rejestracja", "госномер", "biensoxe",
		"rendszám", "rendszam", "nopol", "번호판", "차량번호", "ナンバープレート", "車両番号":
		return true
	}
	return false
}

// plateName judges a name by what stands around "plate" in it.
func plateName(before, behind string) certainty {
	if otherPlate(before) {
		return no
	}
	for _, word := range []string{"au", "let", "form", "d"} {
		if strings.HasPrefix(behind, word) && behind != "data" && !strings.HasPrefix(behind, "detail") {
			return no
		}
	}
	if c := about(behind); c != sure {
		return c
	}
	if strings.HasSuffix(before, "license") || strings.HasSuffix(before, "licence") || strings.HasSuffix(before, "number") || before == "" {
		switch {
		case before != "" || isNumber(behind):
			return sure
		case ofPlate(behind):
			return likely
		}
		return maybe
	}
	if ofPlate(behind) {
		for _, word := range []string{
			"car", "vehicle", "reg", "registration", "recognized", "recognised", "detected", "best", "full", "str", "sz", "front", "rear",
			"head", "tail", "old", "new", "original", "truck", "in", "out", "entry", "exit", "last", "the", "ocr", "lpr", "raw", "result",
		} {
			if strings.HasSuffix(before, word) {
				return sure
			}
		}
		if len(before) <= 2 { // sPlate, szPlate
			return sure
		}
	}
	return maybe
}

// otherPlate says whether a word makes a plate of steel of it.
func otherPlate(before string) bool {
	for _, other := range []string{
		"tem", "boiler", "base", "back", "name", "heat", "hot", "cold", "steel", "bed", "anchor", "bearing", "wall", "floor", "end", "cover",
		"deck", "orifice", "press", "pressure", "contact", "mounting", "support", "filter", "gusset", "splice", "flange", "valve", "wear",
	} {
		if strings.HasSuffix(before, other) {
			return true
		}
	}
	return false
}

// isNumber holds for what stands behind "plate" for number plates only.
func isNumber(behind string) bool {
	switch behind {
	case "no", "nos", "nr", "num", "nums", "number", "numbers", "numberraw", "text", "txt", "str", "string", "license", "licence",
		"char", "chars", "utf8", "reading", "candidate", "candidates", "ocr", "recognized":
		return true
	}
	return false
}

// about tells the plate itself from what else is said of it, such as its
// colour: rest is what stands behind the word for it.
func about(rest string) certainty {
	for _, word := range []string{
		"颜色", "顏色", "类型", "類型", "种类", "置信度", "位置", "坐标", "color", "colour", "type", "confidence", "conf", "score", "rect",
		"region", "country", "province", "width", "height", "size", "category", "count", "direction", "box", "bbox", "position", "brand",
		"bright", "kind", "angle", "area", "reliability", "belief", "quality", "time", "enabled", "roi", "crop", "state", "status",
		"load", "strain", "stress", "temperature", "thickness", "displacement", "vibration", "material",
	} {
		if strings.HasPrefix(rest, word) {
			return no
		}
	}
	return sure
}

func ofPlate(behind string) bool {
	switch behind {
	case "", "s", "no", "nos", "nr", "num", "nums", "number", "numbers", "numberraw", "text", "txt", "str", "string", "code", "name", "id", "value",
		"info", "result", "results", "data", "detail", "details", "license", "licence", "char", "chars", "utf8", "ascii", "unicode",
		"reading", "content", "candidate", "candidates", "image", "img", "pic", "picture", "picname", "path", "file", "filename",
		"url", "ocr", "list", "raw", "0", "1", "2", "3", "normalized", "recognized", "hash", "imagefile", "imagename", "imageurl", "picurl", "picpath":
		return true
	}
	return false
}

func cutLast(text, word string) (before, behind string, found bool) {
	i := strings.LastIndex(text, word)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(word):], true
}
