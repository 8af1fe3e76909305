// Package language chooses the language of what an alert says. Rules say it in English (summary, description) and, with
// names that end with _zh, in Chinese.
package language
