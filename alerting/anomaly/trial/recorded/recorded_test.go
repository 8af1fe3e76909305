package recorded_test

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/belfry-city/belfry/alerting/anomaly/trial"
	"github.com/belfry-city/belfry/alerting/anomaly/trial/recorded"
)

func written(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func checkSeries(t *testing.T, all []trial.Series, names string, least int) {
	t.Helper()
	var got []string
	for _, s := range all {
		got = append(got, s.Name)
		if len(s.Values) < least || len(s.Values) != len(s.Times) {
			t.Errorf("%s has %d values at %d times, want at least %d", s.Name, len(s.Values), len(s.Times), least)
		}
		for i := 1; i < len(s.Times); i++ {
			if s.Times[i] <= s.Times[i-1] {
				t.Fatalf("%s: sample %d is at %d, after %d", s.Name, i, s.Times[i], s.Times[i-1])
			}
		}
		if slices.Contains(s.Values, -200) {
			t.Errorf("%s has the value that stands for a missing one", s.Name)
		}
	}
	if strings.Join(got, " ") != names {
		t.Errorf("series are %v, want %s", got, names)
	}
}

func TestThePartsThatAreHere(t *testing.T) {
	t.Parallel()
	air, err := recorded.Air("")
	if err != nil {
		t.Fatal(err)
	}
	checkSeries(t, air, "CO_GT PT08_S1_CO NO2_GT T RH", 700)
	parks, err := recorded.Parking("")
	if err != nil {
		t.Fatal(err)
	}
	checkSeries(t, parks, "KALKVAERKSVEJ SALLING", 1300)
}

// The whole files have the same form, and a part of each is here, so they have the values of the parts.
func TestTheWholeFiles(t *testing.T) {
	t.Parallel()
	air, parking := os.Getenv("BELFRY_AIR_QUALITY"), os.Getenv("BELFRY_PARKING")
	if air == "" || parking == "" {
		t.Skip("set BELFRY_AIR_QUALITY and BELFRY_PARKING to the files of UCI and of Aarhus")
	}
	for file, read := range map[string]func(string) ([]trial.Series, error){air: recorded.Air, parking: recorded.Parking} {
		whole, err := read(file)
		if err != nil {
			t.Fatal(err)
		}
		part, err := read("")
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range part {
			i := slices.IndexFunc(whole, func(w trial.Series) bool { return w.Name == p.Name })
			if i < 0 {
				t.Fatalf("%s is not in %s", p.Name, file)
			}
			from := slices.Index(whole[i].Times, p.Times[0])
			if from < 0 || !slices.Equal(whole[i].Values[from:from+len(p.Values)], p.Values) {
				t.Errorf("%s has other values in %s", p.Name, file)
			}
		}
	}
}

func TestRowsInDisorderAreReadInOrderAndOnce(t *testing.T) {
	t.Parallel()
	parks, err := recorded.Parking(written(t, "p.csv", `,vehiclecount,updatetime,_id,totalspaces,garagecode,streamtime
0,7,2014-05-22 10:09:04.145,1,65,A,x
1,5,2014-05-22 09:09:04.145,1,65,A,x
2,9,2014-05-22 09:09:04.145,2,65,B,x
3,7,2014-05-22 10:09:04.145,1,65,A,x
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(parks) != 2 || !slices.Equal(parks[0].Values, []float64{5, 7}) || !slices.Equal(parks[1].Values, []float64{9}) {
		t.Errorf("car parks are %+v", parks)
	}
}

func TestWhatIsWrongWithAFile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		read       func(string) ([]trial.Series, error)
		text, want string
	}{
		{recorded.Air, "When,CO\n1,2\n", "line 1: want the columns Date, Time and values"},
		{recorded.Air, "Date,Time,CO\n10/03/2004,18:00:00,2\n2004-03-10,18:00:00,2\n", "line 3: want a date"},
		{recorded.Air, "Date,Time,CO\n10/03/2004,18:00:00,much\n", "line 2: CO: want a number"},
		{recorded.Parking, "count\n1\n", "line 1: want the columns"},
		{recorded.Parking, "vehiclecount,updatetime,garagecode\n1,now,A\n", "line 2: updatetime: want a time"},
		{recorded.Parking, "vehiclecount,updatetime,garagecode\nmany,2014-05-22 09:09:04,A\n", "line 2: vehiclecount: want a number"},
		{recorded.Parking, "", "line 1: want the names"},
	} {
		_, err := c.read(written(t, "f.csv", c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("of %q the error is %v, want %q", c.text, err, c.want)
		}
	}
	if _, err := recorded.Air(filepath.Join(t.TempDir(), "none.csv")); err == nil {
		t.Error("a file that is not there is read")
	}
}

func TestRunsOfThePump(t *testing.T) {
	t.Parallel()
	const head = "datetime;a;b;c;d;e;f;g;h"
	file := written(t, "valve1/0.csv", head+";anomaly;changepoint\n"+
		"2020-03-09 10:34:33;1;2;3;4;5;6;7;8;0.0;0.0\n2020-03-09 10:34:34;1;2;3;4;5;6;7;9;1.0;0.0\n")
	runs, err := recorded.Pump(filepath.Dir(filepath.Dir(file)))
	if err != nil {
		t.Fatal(err)
	}
	if len(runs) != 1 || runs[0].Name != "valve1/0" || !runs[0].Labelled || !slices.Equal(runs[0].Wrong, []bool{false, true}) ||
		runs[0].Times[1]-runs[0].Times[0] != 1000 || math.Abs(runs[0].Values[1][7]-9) > 0 {
		t.Errorf("runs are %+v", runs)
	}
	file = written(t, "free/f.csv", head+"\n2020-03-09 10:34:33;1;2;3;4;5;6;7;8\n")
	if runs, err = recorded.Pump(filepath.Dir(filepath.Dir(file))); err != nil || len(runs) != 1 || runs[0].Labelled || runs[0].Wrong[0] {
		t.Errorf("a run without labels is %+v, %v", runs, err)
	}
	file = written(t, "valve1/0.csv", head+"\n2020-03-09 10:34:33;1;2;3;4;5;6;7;eight\n")
	if _, err = recorded.Pump(filepath.Dir(filepath.Dir(file))); err == nil || !strings.Contains(err.Error(), "line 2: want a number") {
		t.Errorf("the error is %v, want that line 2 has no number", err)
	}
}
