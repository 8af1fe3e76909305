package lineproto_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input/lineproto"
	"github.com/belfry-city/belfry/collector/reading"
)

func spelled(s lineproto.Speller, key, field string) string {
	metric, labels, err := s.Spell([]byte(key), []byte(field), nil)
	if err != nil {
		return "error: " + err.Error()
	}
	var all []string
	for _, l := range labels {
		all = append(all, fmt.Sprintf("%s=%q", l.Name, l.Value))
	}
	return fmt.Sprintf("%s{%s}", metric, strings.Join(all, ","))
}

func TestSpell(t *testing.T) {
	for _, c := range []struct{ key, field, want string }{
		{"parking,asset=B0345,lot=P012", "occupied", `parking_occupied{asset="B0345",lot="P012"}`},
		{"gas_ch4_lel_percent,asset=W17", "value", `gas_ch4_lel_percent{asset="W17"}`},
		{"m", "Value", `m_Value{}`},
		{"m,z=1,a=2", "f", `m_f{z="1",a="2"}`},
		{"井盖,街道=解放碑", "倾角", `井盖_倾角{街道="解放碑"}`},
		{`we\ ather\,x\=y,lo\,c\=a\ t=a\\b\=\,\ c`, `fi\ e\,l\=d\`, `we ather,x\=y_fi e,l=d\{lo,c=a t="a\\\\b=, c"}`},
		{`m\`, `valu\e`, `m\_valu\e{}`},
		{"m=1", "f", `m=1_f{}`},
		{"m,a=1,b=2,a=3", "f", `error: the tag "a" occurs twice`},
		{`m,a\ b=1,a\ b=1`, "f", `error: the tag "a b" occurs twice`},
		{"m,__name__=x", "f", `error: a tag cannot be called __name__`},
		{"m,a", "f", `error: series key "m,a": a tag without =`},
		{"m,a=", "f", `error: series key "m,a=": a tag without a name or a value`},
		{"m,a=b=c", "f", `error: series key "m,a=b=c": unexpected '='`},
	} {
		require.Equal(t, c.want, spelled(lineproto.Speller{}, c.key, c.field), c.key)
	}
}

func TestSpellAppends(t *testing.T) {
	labels := []reading.Label{{Name: []byte("a"), Value: []byte("kept")}}
	_, labels, err := lineproto.Speller{}.Spell([]byte("m,a=1"), []byte("f"), labels)
	require.NoError(t, err)
	require.Len(t, labels, 2)
	require.Equal(t, "kept", string(labels[0].Value))
	require.Equal(t, "1", string(labels[1].Value))
}

func TestExtraLabels(t *testing.T) {
	s, err := lineproto.NewSpeller(map[string]string{"bucket": "yuzhong", "org": "", "area": "城区"})
	require.NoError(t, err)
	require.Equal(t, `m_f{a="1",area="城区",bucket="yuzhong"}`, spelled(s, "m,a=1", "f"))
	require.Equal(t, `m_f{bucket="own",area="城区"}`, spelled(s, "m,bucket=own", "f"), "a tag wins")

	same, err := lineproto.NewSpeller(map[string]string{"area": "城区", "bucket": "yuzhong"})
	require.NoError(t, err)
	require.Equal(t, s.Space(), same.Space())
	other, err := lineproto.NewSpeller(map[string]string{"bucket": "other"})
	require.NoError(t, err)
	require.NotEqual(t, s.Space(), other.Space())
	none, err := lineproto.NewSpeller(map[string]string{"bucket": ""})
	require.NoError(t, err)
	require.Equal(t, lineproto.Speller{}.Space(), none.Space())
	require.NotEqual(t, none.Space(), other.Space())

	for _, bad := range []map[string]string{{"": "x"}, {"__name__": "x"}, {"a": "\xff"}, {"\xff": "a"}} {
		_, err := lineproto.NewSpeller(bad)
		require.Error(t, err)
	}
}

func FuzzSpell(f *testing.F) {
	f.Add([]byte(`we\ ather\,x\=y,lo\,c\=a\ t=a\\b`), []byte(`fi\ e`))
	f.Add([]byte("m,a=b,,=c="), []byte("value"))
	f.Fuzz(func(t *testing.T, key, field []byte) {
		_, labels, err := lineproto.Speller{}.Spell(key, field, nil)
		if err != nil {
			return
		}
		for _, l := range labels {
			require.NotEmpty(t, l.Name)
			require.NotEmpty(t, l.Value)
		}
	})
}
