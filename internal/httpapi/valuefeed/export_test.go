package valuefeed

import "testing"

// Look looks at the series of selectors again and again, as it is done after commits.
func (f *Feed) Look(b *testing.B, s Selectors) {
	v := newView(f, s)
	defer v.end()
	if err := v.once(true); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := v.once(false); err != nil {
			b.Fatal(err)
		}
	}
}
