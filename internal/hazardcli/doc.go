// Package hazardcli asks a running Belfry for its hazards and shows them in a
// terminal, in English or Chinese, or as JSON.
package hazardcli
