package plugin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestManyGroupsHaveLongerSteps is of a Belfry that has more groups than it counts
// by so many steps.
func TestManyGroupsHaveLongerSteps(t *testing.T) {
	var steps []string
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		steps = append(steps, r.URL.Query().Get("step"))
		if len(steps) < 3 {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"status":"error","error":"step: there are more than 2777 groups, and too many steps of each; ask for less time, or a longer step"}`))
			return
		}
		_, _ = w.Write([]byte(`{"times":["2026-05-01T08:00:00Z"],"groups":[{"street":"a","counts":{"open":[2],"opened":[3],"resolved":[0]}}],"total":1}`))
	}))
	defer srv.Close()
	c := startPlugin(t).at(srv.URL)
	now := time.Now()
	answer := one(t, c.ask(t, now.Add(-time.Hour), now, `{"kind":"hazards","hazards":{"show":"counts","by":"street"}}`)[0])
	require.Equal(t, []string{"2"}, column(t, answer, answer.Fields[1].Name))
	require.Len(t, steps, 3)
	require.NotEqual(t, steps[0], steps[1])
	require.False(t, strings.HasPrefix(steps[0], "-"))
}
