package plate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
)

func TestAPlateThatIsNamedOnceIsFoundHoweverItIsWrittenElsewhere(t *testing.T) {
	for _, text := range []string{
		`{"licensePlate":"AB12 CDE","description":"AB12CDE wrongly parked","image_url":"http://nas/AB12CDE.jpg"}`,
		`{"plate_no":"KA 01 AB 1234","file":"KA01AB1234_1.jpg"}`, `{"plate_no":"KA01AB1234","text":"KA 01 AB 1234 or KA-01-AB-1234"}`,
		`{"plate":"AB-123-CD","text":"AB-123-CD left, ab123cd"}`, `{"plate":"B-MW 1234","text":"BMW1234, B MW 1234, B-MW\u00a01234"}`,
		`{"plate":["AB12CDE","XY99ZZZ"],"text":"AB12CDE XY99 ZZZ"}`, `{"plate":{"number":"AB12CDE","camera":"CAM00012"},"text":"AB12CDE"}`,
		`{"licensePlate":{"value":[{"text":"AB12CDE"}]},"text":"AB12CDE"}`, `{"text":"AB12CDE","plate":{"number":"AB12 CDE"}}`,
		`<e><plate><text>AB12CDE</text><camera>CAM00012</camera></plate><file>AB12CDE.jpg</file></e>`, `<e><plate><![CDATA[AB12 CDE]]></plate><file>AB12CDE.jpg</file></e>`,
		`{"plate":"\u0041B12CDE","file":"AB12C\u0044E"}`, `?plate_no=KA66ZZ6666&car=KA66ZZ6666`, `car=KA66ZZ6666&plate_no=KA66+ZZ6666`,
		"asset,plate,note\nB1,AB12 CDE,AB12CDE\n", `{"plate":"А123ВС77","file":"А 123 ВС 77.jpg"}`, `license plate AB12CDE, file AB12CDE.jpg`,
	} {
		out := redact(text)
		squeezed := strings.ToUpper(strings.NewReplacer(" ", "", "-", "", "+", "", `\u00a0`, "").Replace(out))
		for _, p := range []string{"AB12CDE", "AB12C", "KA01AB1234", "AB123CD", "BMW1234", "XY99ZZZ", "KA66ZZ6666", "123ВС77"} {
			require.NotContains(t, squeezed, p, text)
		}
		require.Equal(t, out, redact(out))
	}
}

func TestWhatIsOnlyPartOfAPlatesRecordIsNotSoughtElsewhere(t *testing.T) {
	require.Equal(t, `{"plate":"[removed]","asset":"CAM00012"}`, redact(`{"plate":{"number":"AB12CDE","camera":"CAM00012","speed":["X100Y"]},"asset":"CAM00012"}`))
	require.Equal(t, `{"plate":"[removed]","n":"1234-5678"}`, redact(`{"plate":"12345678","n":"1234-5678"}`), "with a gap it is another number")
	require.Equal(t, `{"plate":"[removed]","n":"XAB12CDE AB12CDEF"}`, redact(`{"plate":"AB12CDE","n":"XAB12CDE AB12CDEF"}`))
}

func labels(pairs ...string) (all []reading.Label) {
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, reading.Label{Name: []byte(pairs[i]), Value: []byte(pairs[i+1])})
	}
	return all
}

func TestAPlateThatOneLabelNamesIsGoneFromTheOthers(t *testing.T) {
	for _, c := range []struct{ in, want []reading.Label }{
		{
			labels("asset", "G1", "car", "KA66ZZ6666", "plate_no", "KA66 ZZ 6666", "file", "g1_ka66zz6666.jpg"),
			labels("asset", "G1", "car", "[removed]", "file", "g1_[removed].jpg"),
		},
		{labels("asset", "F1", "渝A66X66", "1"), labels("asset", "F1")},
		{labels("asset", "F1", "KA66ZZ6666", "1", "plate", "KA66ZZ6666"), labels("asset", "F1")},
		{labels("tag", "TI-1013"), labels("tag", "TI-1013")},
	} {
		kept, err := plate.Redactor{}.Labels(c.in)
		require.NoError(t, err)
		require.Equal(t, c.want, kept)
	}
}

func TestAnAssetThatIsCalledLikeAPlateIsRefusedWithoutSayingIt(t *testing.T) {
	for _, all := range [][]reading.Label{
		labels("asset", "新A00001"), labels("x", "y", "asset", "bay 川A00012 left"), labels("asset", "KA66ZZ6666", "plate_no", "KA66 ZZ 6666"),
	} {
		kept, err := plate.Redactor{}.Labels(all)
		require.Empty(t, kept)
		require.EqualError(t, err, "the label asset looks like a number plate, and plates are not kept; give it another value, for example one with more or fewer digits")
	}
	_, err := plate.Redactor{}.Labels(labels("asset", "B1", "lot", "渝A12345"))
	require.ErrorContains(t, err, "the label lot looks like a number plate")
}

func TestAPlateThatTheAddressNamesIsGoneFromTheMessage(t *testing.T) {
	around := labels("plate_no", "KA66ZZ6666", "asset", "G1")
	require.Equal(t, "[removed] at G1", string(plate.Redactor{}.Text([]byte("KA66 ZZ6666 at G1"), around...)))
	e := reading.Event{Asset: "G1", Description: "KA66ZZ6666 at the gate", Raw: []byte(`{"text":"KA66ZZ6666"}`)}
	plate.Redactor{}.Event(&e, around...)
	require.Equal(t, "[removed] at the gate", e.Description)
	require.Equal(t, `{"text":"[removed]"}`, string(e.Raw))
}
