// Package pages measures how long it takes from a reading to the page that it
// causes: from the last byte of the reading's request to the receipt of the page
// at a webhook, while a city sends its readings and hundreds of rules are
// evaluated. Readings that cause a page are due at instants that are fixed
// beforehand, whatever becomes of the pages of earlier ones (an open loop).
package pages
