package plate_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/plate"
	"github.com/belfry-city/belfry/collector/reading"
)

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`{"plate":"KA01AB1234","a":[{"车牌":"渝A12345"}]}`, `<e><licensePlate>渝A12345</licensePlate></e>`, "a,plate\n1,渝A12345\n",
		`plate=%E6%B8%9DA12345&x=1`, `{"x":"{\"plate\":\"\\u6e1dA12345\"}"}`, "\xd3\xe5A12345", `&#x6e1d;A12345`, `{"name":"plate","value":1}`,
		`{"plate":{"text":["AB12 CDE"]},"x":"AB12CDE"}`, `<plate><text>AB12CDE</text></plate><f>AB12CDE.jpg</f>`, `[["plate","AB12CDE"]]`, "车牌号AB12CDE", "license plate AB 12 CDE.",
		"<b>渝A</b>12345", "粤Z1234港 AB1234", "\\u8f66114578\\u4f7f", "WJ01·12345", `{"license":"5ridQTEyMzQ1"}`,
	} {
		f.Add([]byte(seed), false)
	}
	f.Fuzz(func(t *testing.T, text []byte, inside bool) {
		if inside { // a plate in the middle of anything goes
			half := len(text) / 2
			text = append(append(append([]byte{}, text[:half]...), " 渝A12345 "...), text[half:]...)
		}
		before := bytes.Clone(text)
		out := plate.Redactor{}.Text(text)
		require.Equal(t, before, text, "the text of others is not changed")
		if inside && len(out) > 0 {
			require.NotContains(t, string(out), " 渝A12345 ")
		}
		if json.Valid(text) {
			require.True(t, json.Valid(out), "%q became %q", text, out)
		}
		plate.Redactor{}.Label([]byte("asset"), text)
		_, _ = plate.Redactor{}.Labels([]reading.Label{{Name: text, Value: text}, {Name: []byte("plate"), Value: text}, {Name: []byte("x"), Value: text}})
	})
}
