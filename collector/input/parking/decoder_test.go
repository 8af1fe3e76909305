package parking_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/parking"
	"github.com/belfry-city/belfry/collector/reading"
)

var update = flag.Bool("update", false, "write the golden files")

const received = 1_769_990_400_000

func chongqing(t testing.TB) *time.Location {
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	return zone
}

func decoder(t testing.TB, columns map[string]string) *parking.Decoder {
	d, err := parking.New(parking.Options{Timezone: chongqing(t), Columns: columns})
	require.NoError(t, err)
	return d
}

// decoded shows what a decoder makes of a message, one reading a line.
func decoded(t testing.TB, d input.Decoder, m *input.Message) string {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	w.Message(m.Body)
	for _, l := range m.Labels {
		w.Common(l.Name, l.Value)
	}
	d.Decode(m, &w)
	w.Done()
	var out strings.Builder
	for _, p := range b.Points {
		for _, f := range b.Fields[p.First : p.First+p.Count] {
			metric, labels, err := reading.LabelSpeller{}.Spell(b.Bytes(p.Key), b.Bytes(f.Name), nil)
			require.NoError(t, err)
			var pairs []string
			for _, l := range labels {
				pairs = append(pairs, fmt.Sprintf("%s=%q", l.Name, l.Value))
			}
			at := "received"
			if p.Time != received {
				at = time.UnixMilli(p.Time).UTC().Format(time.RFC3339Nano)
			}
			fmt.Fprintf(&out, "%d: %s{%s} %v %s\n", p.Line, metric, strings.Join(pairs, ","), f.Value, at)
		}
	}
	for _, r := range b.Refusals {
		fmt.Fprintf(&out, "%d: refused: %s: %s\n", r.Line, r.Reason, r.Detail)
	}
	return out.String()
}

func message(body string, labels ...string) *input.Message {
	m := &input.Message{Body: []byte(body), Received: received}
	for i := 0; i+1 < len(labels); i += 2 {
		m.Labels = append(m.Labels, input.Label{Name: labels[i], Value: labels[i+1]})
	}
	return m
}

func TestGolden(t *testing.T) {
	for dir, d := range map[string]input.Decoder{
		"parking": decoder(t, nil),
		"ngsi":    parking.NewNGSI(parking.Options{Timezone: chongqing(t)}),
	} {
		files, err := filepath.Glob(filepath.Join("testdata", dir, "*"))
		require.NoError(t, err)
		files = slices.DeleteFunc(files, func(name string) bool { return strings.HasSuffix(name, ".golden") })
		require.NotEmpty(t, files)
		for _, file := range files {
			t.Run(dir+"/"+filepath.Base(file), func(t *testing.T) {
				body, err := os.ReadFile(file)
				require.NoError(t, err)
				got := decoded(t, d, message(string(body)))
				golden := file + ".golden"
				if *update {
					require.NoError(t, os.WriteFile(golden, []byte(got), 0o666))
				}
				want, err := os.ReadFile(golden)
				require.NoError(t, err)
				require.Equal(t, string(want), got)
			})
		}
	}
}

func TestWhatTheAddressSaysCountsWhereTheMessageIsSilent(t *testing.T) {
	d := decoder(t, nil)
	for _, c := range []struct{ body, labels, want string }{
		{`{"occupied":true}`, "asset=B1", `1: parking_bay_occupied{source="geomagnetic",asset="B1"} 1 received`},
		{`{"id":4711,"occupied":true}`, "asset=B1", `1: parking_bay_occupied{source="geomagnetic",asset="B1"} 1 received`},
		{`{"bay":"B2","occupied":true}`, "asset=B1", `1: parking_bay_occupied{asset="B2",source="geomagnetic"} 1 received`},
		{`{"bay":"B2","occupied":true}`, "source=handheld", `1: parking_bay_occupied{asset="B2",source="handheld"} 1 received`},
		{`{"bay":"B2","occupied":true,"source":"camera"}`, "source=handheld", `1: parking_bay_occupied{asset="B2",source="camera"} 1 received`},
		{`1`, "asset=B1", `1: parking_bay_occupied{source="geomagnetic",asset="B1"} 1 received`},
		{`occupied`, "asset=B1", `1: parking_bay_occupied{source="geomagnetic",asset="B1"} 1 received`},
		{`"free"`, "asset=B1", `1: parking_bay_occupied{source="geomagnetic",asset="B1"} 0 received`},
		{`{"total":10,"free":4}`, "asset=P1", `1: parking_lot_capacity{asset="P1"} 10 received` + "\n" + `1: parking_lot_occupied{asset="P1"} 6 received`},
	} {
		name, value, _ := strings.Cut(c.labels, "=")
		require.Equal(t, c.want+"\n", decoded(t, d, message(c.body, name, value)), c.body)
	}
}

func TestColumnsByConfiguration(t *testing.T) {
	d := decoder(t, map[string]string{"Pladser": "capacity", "biler": "occupied", "hus": "lot", "time": ""})
	require.Equal(t, `2: parking_lot_capacity{asset="A"} 10 received
2: parking_lot_occupied{asset="A"} 4 received
`, decoded(t, d, message("hus|biler|pladser|time\nA|4|10|nonsense\n")))
	require.Equal(t, `1: parking_lot_capacity{asset="A"} 10 received
1: parking_lot_occupied{asset="A"} 4 received
`, decoded(t, d, message(`{"hus":"A","biler":4,"pladser":10}`)))
	_, err := parking.New(parking.Options{Columns: map[string]string{"a": "bogus"}})
	require.ErrorContains(t, err, `got "bogus"`)
}

func TestTheCatalogKnowsTheSendersIds(t *testing.T) {
	c, err := catalog.Parse("c.yml", []byte("assets:\n- {id: P1-B1, external: {parking: '17', ngsi: 'urn:x:1'}}\n"))
	require.NoError(t, err)
	o := parking.Options{Catalog: func() *catalog.Catalog { return c }}
	d, err := parking.New(o)
	require.NoError(t, err)
	require.Contains(t, decoded(t, d, message(`{"deviceId":17,"occupied":true}`)), `asset="P1-B1"`)
	require.Contains(t, decoded(t, parking.NewNGSI(o), message(`{"id":"urn:x:1","type":"ParkingSpot","status":"free"}`)), `asset="P1-B1"`)
}

func TestBadMessages(t *testing.T) {
	d, ngsi := decoder(t, nil), parking.NewNGSI(parking.Options{})
	deep := strings.Repeat(`{"data":[`, 1000) + strings.Repeat(`]}`, 1000)
	for _, c := range []struct{ body, want string }{
		{"", "missing"}, {" \r\n", "missing"}, {`{"asset":"a","occupied":true`, "syntax"}, {`[{"asset":"a","occupied":true},{"ass`, "syntax"},
		{deep, "too_deep"}, {`<xml/>`, "unsupported"}, {"no,known,heading\n1,2,3\n", "syntax"}, {`{"asset":"a","occupied":1e999}`, "bad_number"},
		{"\xff\xfe\xff\xff\x00", "invalid_utf8"}, {"{\"asset\":\"\xff\x80\",\"occupied\":1}", "invalid_utf8"}, {"asset,occupied\n\x80\xff,1\n", "invalid_utf8"},
		{"[1,\"x\",null]", "bad_type"}, {`{"asset":"` + strings.Repeat("x", 300) + `","occupied":1}`, "bad_series"},
		{`{"lot":"P","capacity":NaN}`, "bad_number"}, {`{"lot":"P","capacity":Infinity}`, "bad_number"}, {"lot,capacity\nP,Inf\n", "bad_number"},
		{`{"asset":"a","occupied":1,"time":0}`, "bad_timestamp"}, {`{"asset":"a","occupied":1,"time":1e300}`, "bad_timestamp"},
		{`{"asset":"a","occupied":1,"time":"2026-02-30T08:61:00"}`, "bad_timestamp"}, {"just some words that mean nothing at all", "syntax"}, {"gone", "bad_type"},
	} {
		require.Contains(t, decoded(t, d, message(c.body)), "refused: "+c.want+":", "%.60q", c.body)
	}
	for _, c := range []struct{ body, want string }{
		{"", "missing"}, {`{"data":[{"id":"a"`, "syntax"}, {deep, "too_deep"}, {`[1]`, "bad_type"}, {"\xff\xff", "invalid_utf8"}, {`{"type":"Alert","id":"x"}`, "unsupported"},
		{`{"id":"a","type":"ParkingSpot","status":{"value":{"a":1}}}`, "missing"}, {`{"id":"a","type":"OffStreetParking","totalSpotNumber":{"value":[1,2]}}`, "bad_type"},
		{`{"id":"a","type":"ParkingSpot","status":"free","TimeInstant":"soon"}`, "bad_timestamp"},
	} {
		require.Contains(t, decoded(t, ngsi, message(c.body)), "refused: "+c.want+":", "%.60q", c.body)
	}
	half := decoded(t, d, message(`[{"asset":"a","occupied":true},{"asset":"b","occ`))
	require.Contains(t, half, `parking_bay_occupied{asset="a"`, "what came before the cut is kept")
}

// In what is kept of a refused row, its headings still say which cell is a plate.
func TestARefusedRowIsShownWithItsHeadings(t *testing.T) {
	var w reading.Builder
	var b reading.Batch
	w.Reset(&b)
	m := message("asset,plate,occupied\nB1,渝A12345,1\nB2,KA01,perhaps\n")
	w.Message(m.Body)
	decoder(t, nil).Decode(m, &w)
	require.Len(t, b.Refusals, 1)
	require.Equal(t, "asset,plate,occupied\nB2,KA01,perhaps", string(b.Refusals[0].Raw))
}

func TestEveryKeyOfTheConfigurationIsKnown(t *testing.T) {
	for _, name := range parking.Columns() {
		decoder(t, map[string]string{"x": name})
	}
	require.Len(t, parking.Columns(), 12)
}

func csvBody(rows int) []byte {
	var b bytes.Buffer
	b.WriteString("asset,occupied,source,time\n")
	for i := range rows {
		fmt.Fprintf(&b, "YZ-P%03d-B%05d,%d,geomagnetic,2026-01-31T08:%02d:00+08:00\n", i/400, i, i%2, i%60)
	}
	return b.Bytes()
}

func BenchmarkCSV(b *testing.B) {
	const rows = 10_000
	d, m := decoder(b, nil), &input.Message{Body: csvBody(rows), Received: received}
	var w reading.Builder
	var batch reading.Batch
	b.ReportAllocs()
	for range b.N/rows + 1 {
		batch.Reset()
		w.Reset(&batch)
		w.Message(m.Body)
		d.Decode(m, &w)
		w.Done()
	}
}

func BenchmarkJSON(b *testing.B) {
	const bays = 1000
	var body bytes.Buffer
	body.WriteByte('[')
	for i := range bays {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"asset":"YZ-P%03d-B%05d","occupied":%t,"source":"geomagnetic","time":"2026-01-31T08:%02d:00+08:00"}`, i/400, i, i%2 == 0, i%60)
	}
	body.WriteByte(']')
	d, m := decoder(b, nil), &input.Message{Body: body.Bytes(), Received: received}
	var w reading.Builder
	var batch reading.Batch
	b.ReportAllocs()
	for range b.N/bays + 1 {
		batch.Reset()
		w.Reset(&batch)
		w.Message(m.Body)
		d.Decode(m, &w)
		w.Done()
	}
}

func TestAQuoteThatIsNotClosedIsRefusedWhereverItOpens(t *testing.T) {
	for _, body := range []string{
		"garagecode,vehiclecount,totalspaces\n\"H6,1,10\nH7,1,10\n",
		"garagecode,vehiclecount,totalspaces\nH5,1,10\nH6,\"1,10\nH7,1,10\n",
	} {
		var w reading.Builder
		var b reading.Batch
		w.Reset(&b)
		m := &input.Message{Body: []byte(body), Received: time.Now().UnixMilli()}
		w.Message(m.Body)
		decoder(t, nil).Decode(m, &w)
		w.Done()
		require.Len(t, b.Refusals, 1, body)
		require.Equal(t, reading.ReasonSyntax, b.Refusals[0].Reason)
		require.Contains(t, b.Refusals[0].Detail, "quote")
	}
}

// TestPlacesAreUnderstoodAsPeopleWriteThem has APDS as it is sent by those who
// know its words rather than its schema.
func TestPlacesAreUnderstoodAsPeopleWriteThem(t *testing.T) {
	d := decoder(t, nil)
	for body, want := range map[string]string{
		`[{"id":"a","occupancy":{"occupied":40}},{"id":"b","supply":{"supplyQuantity":20}}]`: `1: parking_lot_occupied{asset="a"} 40 received
2: parking_lot_capacity{asset="b"} 20 received
`,
		`{"id":"a","occupancy":{"spaceCount":100,"occupied":40}}`: `1: parking_lot_capacity{asset="a"} 100 received
1: parking_lot_occupied{asset="a"} 40 received
`,
		`{"id":"a","supply":[{"supplyQuantity":{"vehicleSpaces":100}}],"demandTable":[{"demandType":"occupied","count":50},{"demandType":"reserved","count":5}]}`: `1: parking_lot_capacity{asset="a"} 100 received
1: parking_lot_occupied{asset="a"} 50 received
`,
		`{"id":"a","supply":{"supplyQuantity":100},"demandTable":[{"demandType":"reserved","count":5},{"demandType":"available","count":30}]}`: `1: parking_lot_capacity{asset="a"} 100 received
1: parking_lot_occupied{asset="a"} 70 received
`,
		`[{"id":"a","occupancy":{}},{"id":"b","demand":{"count":5}},{"id":"c","supply":{"quantity":1}}]`: `2: parking_lot_occupied{asset="b"} 5 received
1: refused: missing: there is neither supply nor demand in the place "a"
3: refused: missing: there is neither supply nor demand in the place "c"
`,
		`{"id":"whole","supply":[],"children":[{"id":"floor","occupancy":{"occupied":3}}]}`: `1: parking_lot_occupied{asset="floor"} 3 received
`,
	} {
		require.Equal(t, want, decoded(t, d, message(body)), body)
	}
}
