// Package mapping decodes any JSON by a mapping in the configuration:
// expressions in the language of github.com/expr-lang/expr that say which
// reading, asset and time are where in a message. A mapping is compiled once; what
// it may do with a message is bounded in time and memory.
package mapping
