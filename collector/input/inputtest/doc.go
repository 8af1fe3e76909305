// Package inputtest shows what decoders make of messages, for tests of decoders.
package inputtest
