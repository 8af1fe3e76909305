package camera_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
	"github.com/belfry-city/belfry/collector/input/camera"
)

func seeds(f *testing.F, decoder string) (bodies [][]byte) {
	files, err := filepath.Glob("testdata/" + decoder + "/*.*")
	require.NoError(f, err)
	for _, file := range files {
		if strings.HasSuffix(file, ".golden") {
			continue
		}
		body, err := os.ReadFile(file)
		require.NoError(f, err)
		bodies = append(bodies, body)
	}
	return bodies
}

// holds checks what must be true of whatever comes in.
func holds(t *testing.T, c city, decoder string, m *input.Message) {
	got := c.decode(t, decoder, m)
	samples := got.samples(t)
	for _, e := range got.Events {
		require.NotEmpty(t, e.Asset)
		require.NotEmpty(t, e.ID)
		require.NotEmpty(t, e.Kind)
		require.True(t, utf8.Valid(e.Raw), "%q", e.Raw)
		require.LessOrEqual(t, e.Confidence, 1.0)
		require.NotContains(t, string(e.Raw), "渝A12345")
		require.NotContains(t, e.ID+e.Description+e.Snapshot+e.VendorKind+e.Asset, "渝A12345")
		if e.Box != nil {
			require.True(t, e.Box.X >= 0 && e.Box.Y >= 0 && e.Box.Width > 0 && e.Box.Height > 0 && e.Box.X+e.Box.Width <= 1.0001 && e.Box.Y+e.Box.Height <= 1.0001, "%+v", e.Box)
		}
	}
	again := newCity(t).decode(t, decoder, m)
	require.Equal(t, samples, again.samples(t), "the same message says the same")
	require.Equal(t, got.Events, again.Events)
	require.Equal(t, got.refusals(), again.refusals())
}

func FuzzHikvision(f *testing.F) {
	for _, body := range seeds(f, "hikvision") {
		f.Add(body, "application/xml; charset=UTF-8")
	}
	m := form(&testing.T{}, "multipart/form-data", "a", "text/xml", golden(f, "hikvision/anpr.xml"), "licensePlatePicture.jpg", "image/jpeg", jpeg(10), "b", "", `{"eventType":"VMD"}`)
	f.Add(m.Body, m.ContentType)
	f.Add(m.Body, "")
	f.Add([]byte("\xff\xfe<\x00a\x00/\x00>\x00"), "")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		holds(t, newCity(t), camera.Hikvision, &input.Message{Body: body, ContentType: contentType})
	})
}

func FuzzFrigate(f *testing.F) {
	for _, body := range seeds(f, "frigate") {
		for _, topic := range []string{"frigate/events", "frigate/reviews", "frigate/stats", "frigate/available", "frigate/cam/status/detect"} {
			f.Add(body, topic)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte, topic string) {
		holds(t, newCity(t), camera.Frigate, &input.Message{Body: body, Topic: topic})
	})
}

func FuzzCamera(f *testing.F) {
	for _, body := range seeds(f, "camera") {
		f.Add(body, "application/json")
	}
	m := form(&testing.T{}, "multipart/form-data", "camera", "", "CAM-9", "kind", "", "fire", "picture", "image/jpeg", jpeg(10))
	f.Add(m.Body, m.ContentType)
	f.Add([]byte("camera=CAM-9&kind=fire&plate=渝A12345"), "application/x-www-form-urlencoded")
	f.Fuzz(func(t *testing.T, body []byte, contentType string) {
		holds(t, newCity(t), camera.Generic, &input.Message{Body: body, ContentType: contentType})
	})
}
