package plate

import (
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/encoding/simplifiedchinese"
)

func TestTheTableAgreesWithGBK(t *testing.T) {
	all := []byte(gbkCharacters)
	for ; len(all) > 0; all = all[5:] {
		want, err := simplifiedchinese.GBK.NewDecoder().Bytes(all[:2])
		require.NoError(t, err)
		require.Equal(t, string(want), string(all[2:5]))
		r, n := decodeGBK(all)
		require.Equal(t, 2, n)
		require.Equal(t, string(want), string(r))
	}
	for r := rune(0x80); r < 0xffff; r++ {
		if !isProvince(r) && !isLast(r) && !isGap(r) {
			continue
		}
		raw, err := simplifiedchinese.GBK.NewEncoder().Bytes([]byte(string(r)))
		if err != nil || len(raw) != 2 || utf8.Valid(raw) || raw[0] == 0xa1 || raw[0] > 0xa3 && raw[0] < 0xaa {
			continue
		}
		got, _ := decodeGBK(raw)
		require.Equal(t, string(r), string(got))
	}
}
