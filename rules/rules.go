package rules

import "embed"

// FS holds the default rule files at its top.
//
//go:embed *.yml
var FS embed.FS
