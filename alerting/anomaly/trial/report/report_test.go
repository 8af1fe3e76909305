package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestAReportHasATableForEachPart(t *testing.T) {
	t.Parallel()
	o := options{Parts: []string{"synthetic", "faults", "pump", "cost"}, Models: []string{"band"}, Seed: 1, Each: 1, Places: 1}
	var b bytes.Buffer
	if err := o.run(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"## Hard, seed 1: 35 series\n\n| model | found |", "## Hard, seed 2", "## Synthetic, seed 1: 15 series", "\n| band | ",
		"## Faults in Air Quality, UCI: 5 series", "### band\n\n| fault | size |", "| level shift | 4 | ", "| none |  | 0/0 | – | ",
		"## Faults in car parks, Aarhus: 2 series", "## SKAB\n\nLeft out", "## Cost: 40 models",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("there is no %q in\n%s", want, b.String())
		}
	}
}

func TestAModelThatThereIsNotIsNamed(t *testing.T) {
	t.Parallel()
	o := options{Parts: []string{"synthetic"}, Models: []string{"band", "oracle"}, Each: 1}
	err := o.run(&bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), `no model "oracle"; there are `) {
		t.Errorf("the error is %v, want one that names the model and those there are", err)
	}
	o = options{Parts: []string{"pump"}, Skab: t.TempDir()}
	if err := o.run(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "there are no folders with runs") {
		t.Errorf("of a folder without runs the error is %v", err)
	}
}
