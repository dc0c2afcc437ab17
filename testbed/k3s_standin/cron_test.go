package main

import (
	"testing"
	"time"
)

func TestNextTimeOfASchedule(t *testing.T) {
	// A Tuesday.
	at := time.Date(2026, 11, 24, 10, 30, 30, 0, time.UTC)
	for text, want := range map[string]string{
		"* * * * *":         "2026-11-24T10:31:00Z",
		"0 */12 * * *":      "2026-11-24T12:00:00Z",
		"17 */6 * * *":      "2026-11-24T12:17:00Z",
		"30 10 * * *":       "2026-11-25T10:30:00Z",
		"0 8-18/5 * * *":    "2026-11-24T13:00:00Z",
		"5,45 10 * * *":     "2026-11-24T10:45:00Z",
		"0 0 1 * *":         "2026-12-01T00:00:00Z",
		"0 0 * * 7":         "2026-11-29T00:00:00Z",
		"0 0 1 * 3":         "2026-11-25T00:00:00Z",
		"0 0 29 2 *":        "2028-02-29T00:00:00Z",
		"@daily":            "2026-11-25T00:00:00Z",
		"40/10 10,11 * * *": "2026-11-24T10:40:00Z",
	} {
		schedule, err := parseCron(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := schedule.next(at).Format(time.RFC3339); got != want {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
}

func TestWrongSchedulesAreRefused(t *testing.T) {
	for _, text := range []string{"", "* * * *", "60 * * * *", "* 24 * * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "0 0 30 2 *", "@often", "-1 * * * *"} {
		if _, err := parseCron(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}
