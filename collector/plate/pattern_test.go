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

func TestPlatesInTwoRowsOrDividedOtherwise(t *testing.T) {
	for in, want := range map[string]string{
		"渝A\n12345":     "[removed]\n[removed]",
		"渝A\r\n12345":   "[removed]\r\n[removed]",
		"渝\nA12345":     "[removed]\n[removed]",
		"渝A\t12345 在":   "[removed]\t[removed] 在",
		"渝\u200bA12345": "[removed]", "渝A\u200b12345": "[removed]", "渝A1\u200b2345": "[removed]", "\ufeff渝\u2060A\u00ad12345": "\ufeff[removed]",
		"渝A:12345": "[removed]", "车渝A：12345": "车[removed]",
		"(渝A)12345": "([removed])[removed]", "[渝]A12345": "[[removed]][removed]", "【渝】A12345，": "【[removed]】[removed]，",
		"<b>渝A</b>12345": "<b>[removed]</b>[removed]", `<p>渝<font color="red">A</font>12345</p>`: `<p>[removed]<font color="red">[removed]</font>[removed]</p>`,
		"WJ01·12345": "[removed]", "武警WJ31·1234X": "武警[removed]",
		"粤ZAB12港 AB1234": "[removed]", "粤ZAB12港AB1234，": "[removed]，", "粤Z1234澳 MA-12-34": "[removed]", "粤ZAB12港 入口 2": "[removed] 入口 2",
		"渝А12345": "[removed]", "渝АВ1234": "[removed]", "京Н8Р8С8": "[removed]",
	} {
		wanted := spellings(want)
		for how, text := range spellings(in) {
			switch how {
			case "itself":
				require.Equal(t, want, redact(text), in)
			case "JSON", "JSON in JSON", "XML":
				require.Equal(t, wanted[how], redact(text), "as %s: %s", how, text)
			}
			require.Equal(t, strings.Count(want, "[removed]"), strings.Count(redact(text), "[removed]"), "as %s: %s", how, text)
			require.Equal(t, redact(text), redact(redact(text)))
		}
	}
}

func TestWhatStandsBesideAProvinceIsNotDrawnToIt(t *testing.T) {
	for _, text := range []string{
		"地区,云\nB12,0\n", "[\"新\",\"A12345\"]", "{\"新A\":12345}", "<td>新A</td><td>12345</td>", "<area>新</area><id>A12345</id>", "新<A12345",
		"粤Z1234港口", "WJ01·1234路", "新\n\n\n\nA12345", "渝)))) A12345",
	} {
		require.Equal(t, text, redact(text))
	}
}

func TestNumbersOfDevicesAndOfficesAreNoPlates(t *testing.T) {
	for _, text := range []string{
		"云B000012", "川A000001泵", "新H2S0001", "渝A123456", "大使123456", "驻华大使 123456", "行使224001项", "224001使能", "PM·12345", "NO·12345", "SN·10001",
	} {
		for how, in := range spellings(text) {
			require.Equal(t, in, redact(in), "%s as %s", text, how)
		}
		require.Equal(t, gbk(t, text), redact(gbk(t, text)), "%s in GBK", text)
	}
	for _, text := range []string{"使123456", "车使123456", "VA·12345", "渝AD12345", "渝A12345D", "渝A12345"} {
		require.Contains(t, redact(text), "[removed]", text)
	}
}
