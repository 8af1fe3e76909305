package hazard

import (
	"math/rand/v2"
	"strings"
	"time"
)

// alphabet is Crockford's base 32: no I, L, O and U, which are taken for other
// letters and digits, or make words. Its order is that of ASCII, so that ids sort
// by time.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

const (
	// idDigits have the minute since idEpoch (2024), for 60 years, before a number
	// within it of 15 bits.
	idDigits   = 8
	numberBits = 15
	idEpoch    = 1_704_067_200
)

// numbering gives ids. Each is greater than the one before, also after a restart
// and when the clock is set back.
type numbering struct{ last uint64 }

// next is a new id, such as 3KTA-9Q7M.
func (n *numbering) next(now time.Time) string {
	minute := uint64(max(now.Unix()-idEpoch, 0) / 60)
	// Neighbours differ by more than one, so that one misheard digit is hardly ever
	// another hazard.
	if first := minute << numberBits; n.last < first {
		n.last = first + rand.Uint64N(1<<(numberBits-2))
	} else {
		n.last += 1 + rand.Uint64N(5)
	}
	return formatID(n.last)
}

// after has ids come after one that was given.
func (n *numbering) after(id string) { n.last = max(n.last, uint64(number40(id))) }

// number40 is an id as a number of 40 bits, in the order of ids.
func number40(id string) (v int64) {
	for _, c := range []byte(strings.ReplaceAll(id, "-", "")) {
		v = v<<5 | int64(max(strings.IndexByte(alphabet, c), 0))
	}
	return v
}

func formatID(v uint64) string {
	var id [idDigits + 1]byte
	for i := idDigits; i >= 0; i-- {
		if i == idDigits/2 {
			id[i] = '-'
			continue
		}
		id[i] = alphabet[v&31]
		v >>= 5
	}
	return string(id[:])
}

// ParseID reads an id as people write it down: in small letters, without the
// dash, with O for 0 and I or L for 1. What is no id is returned as it is.
func ParseID(text string) string {
	written := strings.NewReplacer("-", "", " ", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(text))
	if len(written) != idDigits || strings.Trim(written, alphabet) != "" {
		return text
	}
	return written[:idDigits/2] + "-" + written[idDigits/2:]
}
