package camera

import (
	"strings"
	"unicode/utf8"
)

// plateKey says whether a field has to do with a number plate, by the names
// that vendors use: licensePlate, originalLicensePlate, plateNo,
// recognized_license_plate, PlateResult, carNumber, hphm (the national traffic
// system's 号牌号码), 车牌.
func plateKey(name string) bool {
	p := plain(name)
	if strings.Contains(p, "plate") && !strings.Contains(p, "template") {
		return true
	}
	switch p {
	case "hphm", "carno", "carnum", "carnumber", "carlicense", "carlicence", "vehicleno", "vehiclenum", "vehiclenumber",
		"license", "licence", "licenseno", "licensenumber", "licencenumber", "registrationnumber", "vrm", "vrn":
		return true
	}
	return strings.Contains(p, "车牌") || strings.Contains(p, "号牌")
}

// hasPlate says whether anything in v is, or may be, a plate that was read.
func hasPlate(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if plateKey(name) && filled(value) || hasPlate(value) {
				return true
			}
		}
	case []any:
		for _, element := range v {
			if hasPlate(element) {
				return true
			}
		}
	}
	return false
}

// filled says whether v says anything.
func filled(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case string:
		t := strings.ToLower(strings.TrimSpace(v))
		return t != "" && t != "unknown" && t != "none" && t != "null"
	case map[string]any:
		for _, value := range v {
			if filled(value) {
				return true
			}
		}
		return false
	case []any:
		for _, value := range v {
			if filled(value) {
				return true
			}
		}
		return false
	}
	return true
}

// longText is how long a text may be before it is taken for a picture or a
// model of a face, which are left out of what is kept of a message.
const longText = 2048

// embedded says whether text is something in base64 rather than text.
func embedded(text string) bool {
	if strings.HasPrefix(text, "data:") {
		return true
	}
	if len(text) < longText {
		return false
	}
	head := text[:512]
	return utf8.ValidString(head) && !strings.ContainsAny(head, " \t<>{}.,")
}
