package grove_test

import (
	"testing"
	"time"

	"github.com/grovecloud/grove"
)

func TestAWaitIsNeverSaidShorterThanItIs(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		time.Millisecond: "1 s", 59500 * time.Millisecond: "60 s", time.Minute: "60 s", 61 * time.Second: "2 minutes",
		3598 * time.Second: "60 minutes", 59 * time.Minute: "59 minutes", 2 * time.Hour: "120 minutes", 2*time.Hour + 1: "3 hours", 24 * time.Hour: "24 hours",
	} {
		if got := grove.Wait(d); got != want {
			t.Errorf("%s is said as %q, want %q", d, got, want)
		}
	}
}
