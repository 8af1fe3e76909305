package plate_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/plate"
)

func FuzzText(f *testing.F) {
	for _, seed := range []string{
		`{"plate":"KA01AB1234","a":[{"车牌":"渝A12345"}]}`, `<e><licensePlate>渝A12345</licensePlate></e>`, "a,plate\n1,渝A12345\n",
		`plate=%E6%B8%9DA12345&x=1`, `{"x":"{\"plate\":\"\\u6e1dA12345\"}"}`, "\xd3\xe5A12345", `&#x6e1d;A12345`, `{"name":"plate","value":1}`,
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
	})
}
