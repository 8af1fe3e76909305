package plate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/plate"
)

// Series that differ in such a label must not become one.
func TestLabelsOfInstrumentsStayWhateverTheyAreCalled(t *testing.T) {
	for _, c := range [][2]string{
		{"tag", "TI-1013"}, {"tag", "TI-1014"}, {"tag", "B0001-7"}, {"tagNumber", "TI-1013"}, {"license", "Apache2"}, {"license", "MIT"}, {"license", "GPL-2.0"},
		{"license", "CC-BY-4.0"}, {"licence", "BSD-3-Clause"}, {"registration", "device 12 ok"}, {"registration", "2024001"}, {"lp", "LP12"}, {"plate", "BP12"},
		{"plate", "steel"}, {"plate", "steel Q345"}, {"plate", "Q345"}, {"plate", "3"}, {"base_plate", "KA01AB1234"}, {"orifice_plate", "OP-1013"}, {"ocr_text", "PUMP 1013"},
		{"车号", "1024"},
	} {
		require.Equal(t, c[1], string(plate.Redactor{}.Label([]byte(c[0]), []byte(c[1]))), "%s=%s", c[0], c[1])
	}
}

func TestLabelsThatHoldAPlateAreDropped(t *testing.T) {
	for _, c := range [][2]string{
		{"plate_no", "x"}, {"license_plate", "BP12"}, {"车牌", "x"}, {"licenseTag", "TI-1013"},
		{"plate", "AB12CDE"}, {"plate", "AB12 CDE"}, {"plate", "B-MW 1234"}, {"plate", "12345678"}, {"plate", "ka01ab1234"}, {"plate", "12가 3456"},
		{"plate", "品川 300 あ 12-34"}, {"plate", "А123ВС77"}, {"plate", "渝A12345"}, {"license", "KA01AB1234"}, {"license", "渝A·12345"}, {"lp", "AB-123-CD"},
		{"license", "5ridQTEyMzQ1"}, {"placa", "ABC1D23"}, {"matricula", "1234 BCD"},
	} {
		require.Empty(t, string(plate.Redactor{}.Label([]byte(c[0]), []byte(c[1]))), "%s=%s", c[0], c[1])
	}
}

func TestWordsThatAlsoMeanOtherThingsTakeNothingWithThem(t *testing.T) {
	for _, text := range []string{
		"base plate: steel Q345", "plate: steel Q345", "the deck plate: AB 1234 mm", "tag: B0001-7", "registration: device 12 ok", "license: Apache2", "license: GPL-2.0",
		"lp: LP12", "plate: clean", "scada,tag=TI-1013 value=1", `{"tag":"TI-1013"}`, `{"license":"Apache2"}`, `{"registration":"device 12 ok"}`,
	} {
		require.Equal(t, text, redact(text))
	}
	for text, want := range map[string]string{
		"plate: AB12CDE": "plate: [removed]", "registration: AB12 CDE, blue": "registration: [removed], blue", "license plate: steel": "license plate: [removed]",
		`{"license":"A12345"}`: `{"license":"[removed]"}`, `{"result":{"license":"5ridQTEyMzQ1"}}`: `{"result":{"license":"[removed]"}}`,
		"http://h/?plate=3": "http://h/?plate=[removed]", `{"plate":"BP12"}`: `{"plate":"[removed]"}`,
	} {
		require.Equal(t, want, redact(text))
	}
}

func TestPlatesThatAListOrAnotherFieldNames(t *testing.T) {
	for text, want := range map[string]string{
		`{"attributes":[{"attributeName":"plate","attributeValue":"AB12CDE"}]}`: `{"attributes":[{"attributeName":"plate","attributeValue":"[removed]"}]}`,
		`{"name":"plate","values":["AB12CDE"]}`:                                 `{"name":"plate","values":"[removed]"}`,
		`[["plate","AB12CDE"],["lane","2"]]`:                                    `[["plate","[removed]"],["lane","2"]]`,
		`[ [ "plate" , "AB12CDE" ] ]`:                                           `[ [ "plate" , "[removed]" ] ]`,
		`{"a":"[[\"plate\",\"AB12CDE\"]]"}`:                                     `{"a":"[[\"plate\",\"[removed]\"]]"}`,
		`{"type":"plate","result":"AB12CDE"}`:                                   `{"type":"plate","result":"[removed]"}`,
		`["plate","colour","AB"]`:                                               `["plate","colour","AB"]`,
		`{"type":"camera","result":"AB12CDE"}`:                                  `{"type":"camera","result":"AB12CDE"}`,
		`<p n="plate" attributeValue="AB12CDE"/>`:                               `<p n="plate" attributeValue="[removed]"/>`,
	} {
		require.Equal(t, want, redact(text), text)
		require.Equal(t, want, redact(want))
	}
}

func TestNamesOfPlatesInMoreLanguages(t *testing.T) {
	for _, name := range []string{
		"车辆号码", "车辆牌号", "ANPR", "LicenseTag", "license_tag", "tagNumber", "placa", "patente", "chapa", "plaka", "rendszám", "SPZ", "rego", "nopol",
		"번호판", "ナンバープレート", "ocr_text",
	} {
		for _, form := range []string{`{"%s":"AB12CDE"}`, "<%s>AB12CDE</%s>", "a=1&%s=AB12CDE&b=2", "%s: AB12CDE"} {
			text := strings.ReplaceAll(form, "%s", name)
			require.Equal(t, strings.ReplaceAll(text, "AB12CDE", "[removed]"), redact(text))
		}
	}
	require.Equal(t, `<ANPR><licensePlate>[removed]</licensePlate><confidence>97</confidence></ANPR>`,
		redact(`<ANPR><licensePlate>AB12CDE</licensePlate><confidence>97</confidence></ANPR>`))
}

func TestPlatesThatASentenceNames(t *testing.T) {
	for text, want := range map[string]string{
		"license plate AB12CDE seen": "license plate [removed] seen", "the number plate KA 01 AB 1234, blue": "the number plate [removed], blue",
		"Plate AB12CDE 20240101 100000": "Plate [removed] 20240101 100000", "plate number AB-123-CD.": "plate number [removed].", "plate no AB12CDE": "plate no [removed]",
		"车牌 AB12CDE": "车牌 [removed]", "车牌号AB12CDE": "车牌号[removed]", "车牌为AB12CDE的车": "车牌为[removed]的车", "车牌号码是 AB12CDE，": "车牌号码是 [removed]，",
		"牌照A1234学": "牌照[removed]", "车牌A1234学": "车牌[removed]",
	} {
		require.Equal(t, want, redact(text), text)
		require.Equal(t, gbk(t, want), redact(gbk(t, text)), "in GBK: %s", text)
	}
	for _, text := range []string{
		"no plate found by camera 3", "the base plate AB 1234 is cracked", "plate 12 of 40", "plate is AB", "车牌识别相机 CAM0001", "车牌 3 个", "number 12345 of", "Tag TI-1013 high",
	} {
		require.Equal(t, text, redact(text))
	}
}
