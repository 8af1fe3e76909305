package plate_test

import (
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
		"http://h/?plate=3": "http://h/?plate=[removed]", `{"plate":"BP12"}`: `{"plate":"[removed]"}`,
	} {
		require.Equal(t, want, redact(text))
	}
}
