package plate_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// spellings are how programs write a text: as it is, as Python's json.dumps and
// others that keep to ASCII do, in URLs, in XML, and with every character
// escaped.
func spellings(text string) map[string]string {
	var percent, escaped strings.Builder
	for _, b := range []byte(text) {
		fmt.Fprintf(&percent, "%%%02X", b)
	}
	for _, r := range text {
		fmt.Fprintf(&escaped, `\u%04x`, r)
	}
	return map[string]string{
		"itself": text, "JSON": string(spelledInASCII([]byte(text))), "JSON in JSON": strings.ReplaceAll(string(spelledInASCII([]byte(text))), `\`, `\\`),
		"URL": url.QueryEscape(text), "XML": entities(text), "all of it as URL": percent.String(), "all of it as JSON": escaped.String(),
	}
}

func TestPlatesThatEndInTheirMarkAreFoundInEverySpelling(t *testing.T) {
	for _, text := range []string{
		"车牌<114578使>", "<114578使>", "违<114578使>驶入", "P<114578使>", "asset=P<114578使>", "<114-578使>", "<114578 使>",
		"武警车<WJ渝1234A>", "<WJ·渝·1234A>", "武警车<WJ渝·1234A>", "武警<WJ 渝12345>",
		"军车<VA·12345>", "<VA·12345>", "军车<KC·01234>离开",
	} {
		plain := strings.NewReplacer("<", "", ">", "").Replace(text)
		before, rest, _ := strings.Cut(text, "<")
		_, behind, _ := strings.Cut(rest, ">")
		want := spellings(before)
		after := spellings(behind)
		for how, in := range spellings(plain) {
			require.Equal(t, want[how]+"[removed]"+after[how], redact(in), "%s as %s: %s", text, how, in)
		}
		require.Equal(t, gbk(t, before+"[removed]"+behind), redact(gbk(t, plain)), "in GBK: %s", text)
	}
}

func TestLongerNumbersAreNoPlatesInAnySpelling(t *testing.T) {
	for _, text := range []string{"1114578使", "设备1114578使", "SNO·12345", "型号SNO·12345", "AWJ渝1234", "水WJ12345"} {
		for how, in := range spellings(text) {
			require.Equal(t, in, redact(in), "%s as %s", text, how)
		}
	}
}
