package hj212

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/reading"
	device "github.com/belfry-city/belfry/loadtest/hj212"
)

// checkVector is the example of HJ 212-2017, annex A.
const checkVector = "QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"

func TestTheCheckVectorOfTheStandardHasItsCRC(t *testing.T) {
	require.Len(t, checkVector, 101)
	require.EqualValues(t, 0x1C80, newChecksum().of([]byte(checkVector)))
	require.Equal(t, "##0101"+checkVector+"1C80\r\n", string(device.Frame(checkVector)))
	found, wrong := scanAll(t, LongestSegment, []byte("##0101"+checkVector+"1C80\r\n"))
	require.Equal(t, []string{checkVector}, found)
	require.Empty(t, wrong)
}

func TestTheChecksumIsThatOfTheStandardForAnyBytes(t *testing.T) {
	sum := newChecksum()
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rnd.Uint32())
		}
		require.Equal(t, device.CRC(data), sum.of(data))
	}
}

// scanAll feeds chunks to a scanner and says what it found.
func scanAll(t testing.TB, longest int, chunks ...[]byte) (found []string, wrong []reading.Reason) {
	s := scanner{sum: newChecksum(), max: longest}
	for _, chunk := range chunks {
		for len(chunk) > 0 {
			space := s.space()
			require.NotEmpty(t, space, "there is always room for more")
			n := copy(space, chunk)
			chunk = chunk[n:]
			s.filled(n)
			require.LessOrEqual(t, len(s.buf), max(firstBuffer, longest+frameLen))
			for {
				data, w := s.next()
				if data == nil && w == nil {
					break
				}
				if data != nil {
					found = append(found, string(data))
				} else {
					wrong = append(wrong, w.reason)
				}
			}
		}
	}
	return found, wrong
}

func bytewise(data []byte) (chunks [][]byte) {
	for i := range data {
		chunks = append(chunks, data[i:i+1])
	}
	return chunks
}

func TestABrokenFrameCostsNoneOfItsNeighbours(t *testing.T) {
	good := string(device.Frame(checkVector))
	second := string(device.Frame("QN=2;CN=9015;MN=1;CP=&&&&"))
	for name, c := range map[string]struct {
		stream string
		found  int
		wrong  []reading.Reason
	}{
		"nothing":                        {"", 0, nil},
		"two frames":                     {good + second, 2, nil},
		"line ends between":              {good + "\r\n\r\n \x00" + second, 2, nil},
		"no line end at all":             {strings.TrimSuffix(good, "\r\n") + second, 2, nil},
		"a line feed only":               {strings.TrimSuffix(good, "\r\n") + "\n" + second, 2, nil},
		"lower-case CRC":                 {strings.Replace(good, "1C80", "1c80", 1) + second, 2, nil},
		"wrong CRC":                      {strings.Replace(good, "1C80", "1C81", 1) + second, 1, []reading.Reason{reading.ReasonBadChecksum}},
		"one bit wrong":                  {strings.Replace(good, "ST=32", "ST=33", 1) + second, 1, []reading.Reason{reading.ReasonBadChecksum}},
		"no CRC":                         {strings.Replace(good, "1C80", "wxyz", 1) + second, 1, []reading.Reason{reading.ReasonSyntax}},
		"length one too short":           {strings.Replace(good, "##0101", "##0100", 1) + second, 1, []reading.Reason{reading.ReasonSyntax}},
		"length one too long":            {strings.Replace(good, "##0101", "##0102", 1) + second, 1, []reading.Reason{reading.ReasonSyntax}},
		"length far too long":            {strings.Replace(good, "##0101", "##0900", 1) + second, 1, []reading.Reason{reading.ReasonSyntax}},
		"length beyond the limit":        {strings.Replace(good, "##0101", "##2000", 1) + second, 1, []reading.Reason{reading.ReasonTooLong}},
		"length that is no number":       {strings.Replace(good, "##0101", "##01x1", 1) + second, 1, []reading.Reason{reading.ReasonSyntax}},
		"garbage in front":               {"GET / HTTP/1.1 # " + good + second, 2, []reading.Reason{reading.ReasonSyntax}},
		"garbage between":                {good + "\xff\xfe#x" + second, 2, []reading.Reason{reading.ReasonSyntax}},
		"a # too many":                   {"#" + good + "#" + second, 2, nil},
		"cut off, then sent again":       {good[:50] + good + second, 2, []reading.Reason{reading.ReasonSyntax}},
		"cut off within the length":      {good[:4] + good, 1, []reading.Reason{reading.ReasonSyntax}},
		"an empty segment":               {"##0000FFFF\r\n" + second, 2, nil},
		"heads only":                     {"##########0101", 0, nil},
		"a frame that holds half of one": {string(device.Frame("x##0101QN=20")) + second, 2, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for how, chunks := range map[string][][]byte{"at once": {[]byte(c.stream)}, "byte by byte": bytewise([]byte(c.stream))} {
				found, wrong := scanAll(t, StandardSegment, chunks...)
				require.Len(t, found, c.found, how)
				if how == "at once" {
					require.Equal(t, c.wrong, wrong)
				}
			}
		})
	}
}

func TestTheLongestSegmentIsTakenAndOneByteMoreIsNot(t *testing.T) {
	for _, longest := range []int{StandardSegment, 4096, LongestSegment} {
		frame := device.Frame(strings.Repeat("x", longest))
		found, wrong := scanAll(t, longest, bytewise(frame)...)
		require.Len(t, found, 1)
		require.Empty(t, wrong)
		if longest < LongestSegment {
			found, wrong = scanAll(t, longest, device.Frame(strings.Repeat("x", longest+1)))
			require.Empty(t, found)
			require.Equal(t, reading.ReasonTooLong, wrong[0])
		}
	}
}

func TestMemoryForALongFrameIsGivenBack(t *testing.T) {
	s := scanner{sum: newChecksum(), max: LongestSegment}
	for _, b := range device.Frame(strings.Repeat("x", 9000)) {
		s.space()[0] = b
		s.filled(1)
		if data, _ := s.next(); data != nil {
			require.Len(t, data, 9000)
			require.Greater(t, len(s.buf), 9000)
		}
	}
	_ = s.space()
	require.Len(t, s.buf, firstBuffer)
}

func TestFramesAreFoundInAnyPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var stream []byte
		var want []string
		for range rnd.IntN(20) {
			segment := fmt.Sprintf("QN=%d;CN=2011;MN=M;CP=&&%s&&", rnd.Int(), strings.Repeat("x", rnd.IntN(3000)))
			want = append(want, segment)
			stream = append(stream, device.Frame(segment)...)
			if rnd.IntN(3) == 0 {
				stream = append(stream, bytes.Repeat([]byte("junk#"), rnd.IntN(10))...)
			}
		}
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+rnd.IntN(1+rnd.IntN(4000)))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		found, _ := scanAll(t, 4096, chunks...)
		require.Equal(t, want, found)
	}
}

// FuzzScanner holds the scanner against any stream in any pieces. What it finds
// does not depend on the pieces, but for a frame that never ends.
func FuzzScanner(f *testing.F) {
	good := string(device.Frame(checkVector))
	f.Add([]byte(good+good), uint16(1))
	f.Add([]byte(strings.Replace(good, "0101", "0100", 1)+good), uint16(7))
	f.Add([]byte(strings.Replace(good, "0101", "0900", 1)+good), uint16(100))
	f.Add([]byte("#"+good[:30]+"\r\n###"+good), uint16(3))
	f.Add([]byte("##0000FFFF##9999####00040040\r\n"), uint16(2))
	f.Fuzz(func(t *testing.T, stream []byte, piece uint16) {
		var chunks [][]byte
		for rest := stream; len(rest) > 0; {
			n := min(len(rest), 1+int(piece))
			chunks = append(chunks, rest[:n])
			rest = rest[n:]
		}
		found, wrong := scanAll(t, 4096, chunks...)
		for _, segment := range found {
			require.True(t, bytes.Contains(stream, bytes.TrimSuffix(device.Frame(segment), []byte("\r\n"))) ||
				bytes.Contains(bytes.ToUpper(stream), bytes.ToUpper(bytes.TrimSuffix(device.Frame(segment), []byte("\r\n")))))
		}
		require.LessOrEqual(t, len(wrong), len(stream))
	})
}
