package trigger

import "sync/atomic"

// rulesSet is a set of rules, a bit each, that several goroutines may change.
type rulesSet []atomic.Uint64

func newRulesSet(rules int) rulesSet { return make(rulesSet, (rules+63)/64) }

func (s rulesSet) has(rule int) bool { return s[rule/64].Load()&(1<<(rule%64)) != 0 }

func (s rulesSet) set(rule int, member bool) {
	if member {
		s[rule/64].Or(1 << (rule % 64))
	} else {
		s[rule/64].And(^uint64(1 << (rule % 64)))
	}
}

// all says whether all rules of a mask are in the set.
func (s rulesSet) all(mask []uint64) bool {
	for i, m := range mask {
		if m != 0 && s[i].Load()&m != m {
			return false
		}
	}
	return true
}

// Asked says, where is, that all of a rule is going to be evaluated: until it says
// the opposite, right before the evaluation begins, nobody has to wake the rule for
// samples that may matter.
func (x *Index) Asked(rule int, is bool) { x.asked.set(rule, is) }

// maybe are those for whom a sample may matter: as soon as it is stored, or, with
// an offset, later.
type maybe struct {
	now, later []target
	mask       []uint64 // of the rules in now
}

func (m *maybe) empty() bool { return len(m.now) == 0 && len(m.later) == 0 }

func (m *maybe) add(t target) {
	if t.offset > 0 {
		m.later = with(m.later, t)
		return
	}
	m.now = with(m.now, t)
	for len(m.mask) <= t.rule/64 {
		m.mask = append(m.mask, 0)
	}
	m.mask[t.rule/64] |= 1 << (t.rule % 64)
}
