package plate_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
)

func redact(text string) string { return string(plate.Redactor{}.Text([]byte(text))) }

func gbk(t require.TestingT, text string) string {
	b, err := simplifiedchinese.GB18030.NewEncoder().String(text)
	require.NoError(t, err)
	return b
}

func TestChinesePlatesAreFoundByTheirLook(t *testing.T) {
	for _, p := range []string{
		"渝A12345", "渝A·12345", "渝A 12345", "渝A-12345", "渝A.12345", "渝A・12345", "渝 A 12345", "渝A 1 2 3 4 5", "渝A·8888·8",
		"京N8P8F8", "粤B·AB123", "沪A·1B2C3", "渝AD12345", "渝AF12345", "渝A12345D", "渝A1234学", "渝A1234警", "渝B·1234挂",
		"粤Z1234港", "粤ZF023澳", "沪A0023领", "鲁·X0001应急", "京A0001超", "京A1234试", "渝Ａ１２３４５", "渝ａ12345", "渝a12345",
		"使014578", "使224001", "224001使", "WJ渝12345", "WJ渝·1234X", "VA·12345", "粵Z1234港", "滬A12345", "渝AABCD1", "新A12345", "云AA123B",
	} {
		for _, around := range []string{"%s", "车辆%s驶入", "seen %s, gone", "(%s)", "a_%s.jpg", "20240101120000_%s_1.jpg", "%s20240101120000.jpg", "x\n%s\ny"} {
			if strings.HasSuffix(around, "2000.jpg") && strings.HasSuffix(p, "使") || strings.HasPrefix(around, "2024") && strings.HasPrefix(p, "224001") {
				continue
			}
			text := fmt.Sprintf(around, p)
			want := fmt.Sprintf(around, plate.Mark)
			require.Equal(t, want, redact(text), text)
			require.Equal(t, gbk(t, want), redact(gbk(t, text)), "in GBK: %s", text)
		}
	}
}

func TestWhatOnlyResemblesAPlateStays(t *testing.T) {
	for _, text := range []string{
		"渝中区A1234路", "渝A1234", "渝A1234路", "渝A-B1-P003-B05", "渝A-01-0012", "云A1001使用率", "渝A1234学校", "新server1", "新iphone15 Pro",
		"重庆市渝中区解放碑街道", "YZ-P003-B05", "P003-B0512", "W17", "水质A12345", "WJ12345", "SNO·12345", "使用次数 100000", "100000使用",
		"新增12345条", "川B", "京A123456789", "渝GC0012345", "苏ABCDEF", "云SERVER", "解放碑17号井", "PLATE", "the plate is clean",
		`{"template":"abc","platform":"linux","plateColor":"blue","plate_type":2,"platelet":"x","anchor_plate_strain":12.5}`,
		`{"licensePlate":null,"plate":"","plates":true}`, "<licensePlate></licensePlate><licensePlate/><plateType>02</plateType>",
		"车牌颜色：蓝", `{"车牌颜色":"蓝色","号牌种类":"02"}`, "no plate found by camera 3", "12:30:05", "http://cam/a?b=c", "a=b&c=d",
		`{"asset":"YZ-P003-B05","occupied":true,"source":"geomagnetic"}`, "asset,occupied\nB1,1\nB2,0\n", "5 m³ in 10 min",
		`{"license":"MIT"}`, "", "{", "<", "\\", "&", "%", "\"", "\xff\xfe", "水位 12.5", "gas,asset=W1 ch4_lel_percent=60",
	} {
		in := []byte(text)
		out := plate.Redactor{}.Text(in)
		require.Equal(t, text, string(out))
		if len(in) > 0 {
			require.Same(t, &in[0], &out[0], "text without plates is not copied: %s", text)
		}
		if out := redact(gbk(t, strings.ToValidUTF8(text, ""))); out != gbk(t, strings.ToValidUTF8(text, "")) {
			require.Fail(t, "in GBK", "%s became %s", text, out)
		}
	}
}

// Each text names a plate that cannot be told by its look.
func TestPlatesOfAnyKindAreFoundByTheirName(t *testing.T) {
	const p = "KA01AB1234"
	for _, text := range []string{
		`{"licensePlate":"KA01AB1234"}`, `{"a":1,"plate_no" : "KA01AB1234","b":2}`, `{"plateNumber":["KA01AB1234","x"]}`, `{"plate":{"text":"KA01AB1234","c":[1,{"d":"e"}]},"z":1}`,
		`{"data":[{"deep":{"carNo":"KA01AB1234"}}]}`, `{"车牌号":"KA01AB1234"}`, `{"车牌":"KA01AB1234"}`, `{"recognized_license_plate":"KA01AB1234"}`,
		`{"after":{"label":"car","sub_label":["KA01AB1234",0.9],"recognized_license_plate":null}}`, `{"vehicleRegistration":"KA01AB1234"}`,
		`{"license_plate_text":"KA01AB1234"}`, `{"PLATE-NO":"KA01AB1234"}`, `{"hphm":"KA01AB1234"}`, `{"strPlateNo":"KA01AB1234"}`, `{"LPR":"KA01AB1234"}`,
		`{"AlarmInfoPlate":{"result":{"PlateResult":{"license":"KA01AB1234","colorType":1}}}}`, `{"license":"KA01AB1234"}`, `{"numberplate":"KA01AB1234"}`,
		`{"l\u0069censePlate":"KA01AB1234"}`, `{"payload":"{\"plate\":\"KA01AB1234\",\"n\":1}"}`, `{"p":"{\"q\":\"{\\\"plate\\\":\\\"KA01AB1234\\\"}\"}"}`,
		`{"name":"licensePlate","value":"KA01AB1234"}`, `{"value":"KA01AB1234","name":"licensePlate"}`, `[{"key":"plate","text":"KA01AB1234"},{"key":"b","text":"c"}]`,
		`{"identifier":{"id":"KA01AB1234","className":"UKNumberPlate"}}`, `{"credentials":[{"identifier":{"id":"KA01AB1234"},"type":"licensePlate"}]}`,
		`{"licensePlate":{"type":"Property","value":"KA01AB1234"}}`, `{plate: 'KA01AB1234'}`, `{'plate': 'KA01AB1234', 'b': 2}`, `{"plate":"KA01AB1234`, `{"plate":{"a":"KA01AB1234"`,
		`<licensePlate>KA01AB1234</licensePlate>`, `<e><ANPR><hik:licensePlate>KA01AB1234</hik:licensePlate><b>1</b></ANPR></e>`, `<originalLicensePlate>KA01AB1234</originalLicensePlate>`,
		`<plate><text>KA01AB1234</text><plate>y</plate></plate><c>1</c>`, `<licensePlate><![CDATA[KA01AB1234]]></licensePlate>`, `<car plate="KA01AB1234" b='1'/>`, `<car plateNo = 'KA01AB1234'>x</car>`,
		`<Property><description>licensePlate</description><value>KA01AB1234</value></Property>`, `<Property name="licensePlate" value="KA01AB1234"/>`, `<item key="plateNo">KA01AB1234</item>`,
		`<licensePlate>KA01AB1234`, `{"xml":"\u003clicensePlate\u003eKA01AB1234\u003c/licensePlate\u003e"}`, `{"xml":"<plate>KA01AB1234<\/plate>"}`, `&lt;licensePlate&gt;KA01AB1234&lt;/licensePlate&gt;`,
		`<车牌号>KA01AB1234</车牌号>`, `plate=KA01AB1234&x=1`, `a=1&plateNo=KA01AB1234`, `http://h/snap?plate=KA01AB1234&t=1`, `{"url":"http://h/snap?x=1&plate=KA01AB1234"}`, `u%3D1%26plate%3DKA01AB1234%26b`,
		`gate,plate=KA01AB1234,b=c value=1 17`, `gate plate="KA01AB1234",v=1`, `plate: KA01AB1234`, `plate: KA 01 AB 1234, speeding`, `licence plate number: KA01AB1234`, `车牌号：KA01AB1234，蓝色`, `plate[]=KA01AB1234`,
		`Events[0].TrafficCar.PlateNumber=KA01AB1234`, "asset,plate,occupied\nB1,KA01AB1234,1\nB2,\"KA01AB1234\",0\n", "车位;车牌号\r\nB1;KA01AB1234\r\n", "plate\nKA01AB1234\n", "a\tcarNo\n1\tKA01AB1234",
		"--b\r\nContent-Disposition: form-data; name=\"plateNo\"\r\n\r\nKA01AB1234\r\n--b--", `bad label "plate": KA01AB1234`, `{"file":"cam1_ka01ab1234_20240101.jpg","plate":"KA01AB1234"}`, `{"plate":"KA01AB1234","snapshot":"/2024/KA01AB1234.jpg"}`,
		`<licensePlate>KA01AB1234</licensePlate><picName>KA01AB1234_1.jpg</picName>`, `{"matricula":"KA01AB1234"}`, `{"Kennzeichen":"KA01AB1234"}`, `{"plate":"KA 01 AB 1234"}`,
	} {
		for _, in := range []string{text, gbk(t, text)} {
			out := redact(in)
			squeezed := strings.ToUpper(strings.ReplaceAll(out, " ", ""))
			require.NotContains(t, squeezed, p, text)
			require.Contains(t, out, plate.Mark, text)
			require.Equal(t, out, redact(out), "once is enough: %s", text)
			if json.Valid([]byte(text)) {
				require.True(t, in != text || json.Valid([]byte(out)), "%s became %s", text, out)
			}
		}
	}
}

func TestNumbersThatArePlates(t *testing.T) {
	require.Equal(t, `{"plate":"[removed]","n":7}`, redact(`{"plate":12345678,"n":7}`))
	require.Equal(t, `{"s":"{\"plate\":\"[removed]\"}"}`, redact(`{"s":"{\"plate\":12345678}"}`))
	require.Equal(t, `{"plate":"[removed]","n":7}`, redact(`{"plate":{"a":["x"]},"n":7}`))
}

func TestLabels(t *testing.T) {
	for _, c := range [][3]string{
		{"asset", "渝A12345", "[removed]"}, {"asset", "bay 渝A·12345 left", "bay [removed] left"}, {"asset", "YZ-P003-B05", "YZ-P003-B05"},
		{"plate", "anything", "anything"}, {"plate", "KA01AB1234", ""}, {"license_plate", "x", ""}, {"车牌", "x", ""}, {"plate_color", "blue", "blue"}, {"license", "MIT", "MIT"},
		{"license", "KA01AB1234", ""}, {"url", "http://h/?plate=AB1", "http://h/?plate=[removed]"}, {"asset", "渝中区A1234路", "渝中区A1234路"},
		{"anchor_plate", "3", "3"}, {"asset", "ԥA12345", "[removed]"}, {"sub_label", "Bob's car", ""}, {"job", "belfry", "belfry"},
	} {
		require.Equal(t, c[2], string(plate.Redactor{}.Label([]byte(c[0]), []byte(c[1]))), "%s=%s", c[0], c[1])
	}
}

func TestAnEventForgetsThePlateThatItsMessageNames(t *testing.T) {
	e := reading.Event{
		ID: "77-AB12CDE", Asset: "cam1", Description: "AB12CDE at the gate", Snapshot: "http://h/20240101_ab12cde.jpg", VendorKind: "ANPR",
		Raw: []byte(`<ANPR><licensePlate>AB12CDE</licensePlate><picName>p_AB12CDE.jpg</picName></ANPR>`),
	}
	plate.Redactor{}.Event(&e)
	require.Equal(t, "77-[removed]", e.ID)
	require.Equal(t, "cam1", e.Asset)
	require.Equal(t, "[removed] at the gate", e.Description)
	require.Equal(t, "http://h/20240101_[removed].jpg", e.Snapshot)
	require.Equal(t, `<ANPR><licensePlate>[removed]</licensePlate><picName>p_[removed].jpg</picName></ANPR>`, string(e.Raw))
}

func TestAnEventForgetsThePlateThatOnlyItsMessageNames(t *testing.T) {
	e := reading.Event{Description: "AB12CDE at the gate", Raw: []byte("{}")}
	plate.Redactor{}.EventOf(&e, []byte(`{"plate":"AB12CDE"}`))
	require.Equal(t, "[removed] at the gate", e.Description)
}

func TestTextInUTF16(t *testing.T) {
	in := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(`{"a":"渝A12345"}`)) {
		in = append(in, byte(u), byte(u>>8))
	}
	require.Equal(t, `{"a":"[removed]"}`, string(plate.Redactor{}.Text(in)))
}

func TestATextThatIsMadeToBeSlowIsNot(t *testing.T) {
	for _, piece := range []string{`"plate":[`, `<plate>`, `<plate a="`, `{"name":"plate",`, `"`, `\`, `渝A`, `plate=`, `<description>plate</description>`, `'plate'`, `%25`, `&amp;`,
		`[["plate","`, `车牌`, `车牌A1`, `plate `, `LICENSE PLATE A1 `, `渝<b>`, `渝A\n`, `{"plate":[{"text":"AB12CDE",`, `"plate":"AB12CDE" A B 1 `, `<plate>AB12-`, `粤Z1234港A`,
	} {
		text := strings.Repeat(piece, 1<<19/len(piece))
		began := time.Now()
		redact(text) // a quadratic search would outlast the test's time
		t.Logf("%q: %s", piece, time.Since(began))
	}
}

// somePlate draws a plate as the standards have it.
func somePlate() *rapid.Generator[string] {
	const letters, serial = "ABCDEFGHJKLMNPQRSTUVWXYZ", "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
	return rapid.Custom(func(t *rapid.T) string {
		province := rapid.SampledFrom([]rune("京津冀晋蒙辽吉黑沪苏浙皖闽赣鲁豫鄂湘粤桂琼渝川贵云藏陕甘青宁新")).Draw(t, "province")
		p := string(province) + string(rapid.SampledFrom([]rune(letters)).Draw(t, "office"))
		p += rapid.SampledFrom([]string{"", "·", " ", "-", "."}).Draw(t, "gap")
		n := rapid.SampledFrom([]int{4, 5, 6}).Draw(t, "length")
		body := []rune(rapid.StringOfN(rapid.SampledFrom([]rune(serial)), n, n, -1).Draw(t, "serial"))
		body[rapid.IntRange(0, n-1).Draw(t, "digit")] = rapid.SampledFrom([]rune("0123456789")).Draw(t, "figure")
		if n == 6 { // new energy
			body = []rune(rapid.StringMatching(`[A-HJK][A-HJ-NP-Z0-9][0-9]{4}|[0-9]{5}[A-HJK]`).Draw(t, "serial"))
		}
		if p += string(body); n == 4 {
			p += rapid.SampledFrom([]string{"学", "警", "挂", "港", "澳", "领"}).Draw(t, "last")
		}
		if rapid.Bool().Draw(t, "wide") {
			p = strings.Map(func(r rune) rune {
				if r > ' ' && r < 0x7f && r != '-' && r != '.' {
					return r - '!' + 0xff01
				}
				return r
			}, p)
		}
		return p
	})
}

// someValue draws what may stand in a message.
func someValue(t *rapid.T, depth int, secret string) any {
	kinds := 7
	if depth > 3 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds).Draw(t, "kind") {
	case 0:
		return rapid.Float64Range(-1e6, 1e6).Draw(t, "number")
	case 1, 2:
		return rapid.StringOf(rapid.RuneFrom([]rune(`ab Z09"'\/<>&{}[]:,=%渝车牌`+"\n\t"))).Draw(t, "text")
	case 3, 4:
		before := rapid.SampledFrom([]string{"", "车辆", "at ", "\"", "\\", "<b>", "x=", "{", "plate"}).Draw(t, "before")
		behind := rapid.SampledFrom([]string{"", "驶入", " left", "\"", "\\", "</b>", "&y", "}", "_1.jpg"}).Draw(t, "behind")
		return before + secret + behind
	case 5:
		return nil
	case 6:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "items") {
			list = append(list, someValue(t, depth+1, secret))
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 4).Draw(t, "fields") {
		key := rapid.SampledFrom([]string{"id", "name", "licensePlate", "plate_no", "车牌号", "value", "text", "a\"b", "plate\\", "data", "type", secret}).Draw(t, "key")
		object[key] = someValue(t, depth+1, secret)
	}
	return object
}

func spelledInASCII(b []byte) []byte {
	var out []byte
	for _, r := range string(b) {
		if r < 0x80 {
			out = append(out, byte(r))
		} else {
			out = fmt.Appendf(out, "\\u%04x", r)
		}
	}
	return out
}

func TestWhateverJSONSurroundsAPlateItIsGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := somePlate().Draw(t, "plate")
		value := map[string]any{"first": secret, "rest": someValue(t, 0, secret)}
		text, err := json.Marshal(value)
		require.NoError(t, err)
		for range rapid.IntRange(0, 2).Draw(t, "wrapped") {
			text, err = json.Marshal(map[string]any{"payload": string(text), "n": 1})
			require.NoError(t, err)
		}
		spelling := rapid.SampledFrom([]string{"utf8", "ascii", "gbk", "percent"}).Draw(t, "spelling")
		switch spelling {
		case "ascii":
			text = spelledInASCII(text)
		case "gbk":
			text = []byte(gbk(t, string(text)))
		case "percent":
			text = []byte(`{"body":"` + url.QueryEscape(string(text)) + `"}`)
		}
		out := plate.Redactor{}.Text(text)
		require.NotContains(t, string(out), secret)
		require.NotContains(t, string(out), string(spelledInASCII([]byte(secret))))
		require.NotContains(t, string(out), gbk(t, secret))
		require.NotContains(t, string(out), url.QueryEscape(secret))
		if spelling != "gbk" {
			require.True(t, json.Valid(out), "%s\nbecame\n%s", text, out)
			var back any
			require.NoError(t, json.Unmarshal(out, &back))
			require.NotContains(t, unescaped(t, back), secret)
		}
	})
}

// unescaped is all text in v, also that of JSON in it.
func unescaped(t *rapid.T, v any) string {
	switch v := v.(type) {
	case string:
		var inner any
		if json.Unmarshal([]byte(v), &inner) == nil {
			return v + unescaped(t, inner)
		}
		if plain, err := url.QueryUnescape(v); err == nil && plain != v {
			return v + unescaped(t, plain)
		}
		return v + "\n"
	case []any:
		all := ""
		for _, x := range v {
			all += unescaped(t, x)
		}
		return all
	case map[string]any:
		all := ""
		for k, x := range v {
			all += unescaped(t, k) + unescaped(t, x)
		}
		return all
	}
	return ""
}

func TestWhateverXMLSurroundsAPlateItIsGone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := somePlate().Draw(t, "plate")
		var b strings.Builder
		b.WriteString(`<?xml version="1.0"?><event xmlns="urn:x">`)
		for range rapid.IntRange(1, 6).Draw(t, "elements") {
			name := rapid.SampledFrom([]string{"licensePlate", "a", "x:plateNo", "description", "车牌", "deep"}).Draw(t, "name")
			text := rapid.SampledFrom([]string{secret, "at " + secret + " now", "a & b < c", "", "licensePlate"}).Draw(t, "text")
			attribute := rapid.SampledFrom([]string{"", secret, `"<>&'`}).Draw(t, "attribute")
			var escaped strings.Builder
			require.NoError(t, xml.EscapeText(&escaped, []byte(text)))
			content := escaped.String()
			switch rapid.IntRange(0, 3).Draw(t, "form") {
			case 1:
				content = "<![CDATA[" + text + "]]>"
			case 2:
				content = entities(escaped.String())
			case 3:
				content = "<inner>" + content + "</inner>"
			}
			var attr strings.Builder
			require.NoError(t, xml.EscapeText(&attr, []byte(attribute)))
			fmt.Fprintf(&b, `<%s n="%s">%s</%s>`, name, attr.String(), content, name)
		}
		b.WriteString(`</event>`)
		text := b.String()
		require.NoError(t, readAll(text))
		out := redact(text)
		require.NotContains(t, out, secret)
		require.NotContains(t, out, entities(secret))
		require.NoError(t, readAll(out), "%s\nbecame\n%s", text, out)
	})
}

func entities(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#x%x;", r)
		}
	}
	return b.String()
}

func readAll(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}
