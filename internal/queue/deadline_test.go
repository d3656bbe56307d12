package queue_test

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove/internal/queue"
)

func TestAJobWaitsADayAndStartsWithinTenMinutesOfItsTurn(t *testing.T) {
	live(t, func(t *testing.T, h *house) {
		h.queue.Life = queue.New(queue.Config{Registry: prometheus.NewRegistry()}).Life // the tests' own is shorter
		j := h.submit()
		if d := j.ExpiresAt.Sub(j.CreatedAt); d != 24*time.Hour {
			t.Errorf("a job waits %s, want 24 h", d)
		}
		j = h.job(j.ID)
		if d := j.StartBy.Sub(j.CreatedAt); d != 10*time.Minute {
			t.Errorf("a claimed job may take %s, want 10 min", d)
		}
		if j.Attempt == nil || !j.Attempt.NotAfter.Equal(j.StartBy) {
			t.Errorf("attempt %+v, want it until %s", j.Attempt, j.StartBy)
		}
	})
}
