package model

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"math"
)

// Evidence is what a judgement is made of: how surprising each sign is and was of late, and how many are.
type Evidence [3*signCount + 3]float32

const (
	evidenceKeep = 0.95 // of a surprise, from one bucket to the next
	evidenceMost = 10
	// evidenceLeast is the surprise below which nothing is judged.
	evidenceLeast = 2.2
	evidenceLong  = 8000
)

// witness keeps surprises for a while.
type witness struct {
	held [signCount]float32
}

// hear makes evidence of the surprises of a bucket; some says whether there is any.
func (w *witness) hear(u *[signCount]float32, buckets int, e *Evidence) (some bool) {
	top, many := float32(0), float32(0)
	for i, x := range u {
		if x > 0 && (sign(i) == signShapes || sign(i) == signShapes3) {
			x = 2 + 3*x
		}
		w.held[i] = max(evidenceKeep*w.held[i], x)
		h := min(w.held[i], evidenceMost)
		e[i], e[int(signCount)+i], e[2*int(signCount)+i] = h/3, max(0, h-3)/3, min(x, evidenceMost)/3
		top = max(top, h)
		if h > 2 {
			many++
		}
	}
	rest := e[3*signCount:]
	rest[0], rest[1] = 1, min(many, 8)/4
	rest[2] = float32(math.Log(float64(min(buckets, evidenceLong))) / 8)
	return top >= evidenceLeast
}

// Judge weighs evidence: a network with one hidden layer.
type Judge struct {
	// Hidden has for each unit what a part of the evidence weighs; Out what each unit does, and last a constant.
	Hidden [][]float32 `json:"hidden"`
	Out    []float32   `json:"out"`
	// Limit is the weight of an alarm, Heat by how much each alarm of late raises it, and Rest for how many buckets there is
	// no other.
	Limit float64 `json:"limit"`
	Heat  float64 `json:"heat"`
	Rest  int     `json:"rest"`
	// Decade is by how much weight has to be more so that alarms on ordinary series are ten times rarer.
	Decade float64 `json:"decade"`
}

// Weight is the logarithm of the odds that this is an anomaly.
func (j *Judge) Weight(e *Evidence) float64 {
	sum := j.Out[len(j.Hidden)]
	for k, unit := range j.Hidden {
		a := float32(0)
		for i, v := range e {
			a += v * unit[i]
		}
		sum += j.Out[k] * float32(math.Tanh(float64(a)))
	}
	return float64(sum)
}

// plain is the surprise of a single bucket that is an anomaly whatever the rest of the evidence is, which a network that learned
// from many series cannot know of one.
const plain = 7

// Over is how many times ten an anomaly is rarer than one that is just an alarm, negative below that; heat are the alarms of late.
func (j *Judge) Over(e *Evidence, heat float64) float64 {
	over := (j.Weight(e) - j.Limit - j.Heat*heat) / j.Decade
	return math.Max(over, Plain(e))
}

// Plain is Over by what a single bucket says alone. That values are as many times farther than ever counts less than how far they are
// from a forecast.
func Plain(e *Evidence) float64 {
	const ofRange = 2.3
	now := e[2*signCount:]
	return float64(max(now[signSpike], now[signRange]+ofRange/3.)) - plain/3.
}

//go:embed auto_judge.json
var learned []byte

// learnedJudge is the one that alerting/anomaly/fit made.
func learnedJudge() *Judge {
	j := &Judge{}
	if err := json.Unmarshal(learned, j); err != nil {
		panic(fmt.Sprintf("reading what the model auto has learned: %v", err)) // it is part of the program
	}
	return j
}
