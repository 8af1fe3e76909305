//go:build !race

package plate_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/plate"
)

func TestAllocTextWithoutPlates(t *testing.T) {
	text := []byte(`{"asset":"YZ-P003-B05","name":"解放碑停车场","occupied":true,"nested":{"list":[1,2,"three"]},"xml":"<a b='c'>d</a>"}`)
	name, value := []byte("asset"), []byte("解放碑 YZ-P003-B05")
	require.Zero(t, testing.AllocsPerRun(100, func() {
		plate.Redactor{}.Text(text)
		plate.Redactor{}.Label(name, value)
	}))
}

func BenchmarkText(b *testing.B) {
	text := []byte(`{"asset":"YZ-P003-B05","name":"解放碑停车场","occupied":true,"nested":{"list":[1,2,"three"]},"xml":"<a b='c'>d</a>"}`)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		plate.Redactor{}.Text(text)
	}
}
