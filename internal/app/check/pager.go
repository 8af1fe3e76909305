package check

import (
	"fmt"
	"regexp"

	"github.com/prometheus/alertmanager/config"
)

var upstreamLine = regexp.MustCompile(`line (\d+): `)

// checkPager reads a pager configuration as upstream does.
func checkPager(path string) error {
	_, err := config.LoadFile(path)
	if err == nil {
		return nil
	}
	line := "1"
	if m := upstreamLine.FindStringSubmatch(err.Error()); m != nil {
		line = m[1]
	}
	return fmt.Errorf("%s:%s: %w", path, line, err)
}
