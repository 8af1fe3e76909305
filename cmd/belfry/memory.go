package main

import (
	"os"
	"runtime/debug"
)

// heapGrowth is how much garbage, in per cent of what is in use, may gather
// before it is collected. Most of the heap is series and their chunks, which
// live long; waiting for as much again would only cost memory.
const heapGrowth = 50

// tuneMemory leaves alone what the operator has chosen by GOGC.
func tuneMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(heapGrowth)
	}
}
