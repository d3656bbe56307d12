package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/store"
)

// warms lets a printer report each second for some time, as hot as it is told.
func (h *house) warms(d time.Duration, celsius func(second int) float64) {
	for n := range int(d / time.Second) {
		h.Observe(serial, fmt.Appendf(nil, `{"print":{"command":"push_status","msg":0,"gcode_state":"RUNNING","nozzle_temper":%v,"nozzle_target_temper":220,"bed_temper":60,"chamber_temper":5}}`, celsius(n)))
		<-time.After(time.Second)
	}
}

// graph writes columns shortly: - is unknown.
func graph(column []*float64) string {
	var words strings.Builder
	for _, v := range column {
		if v == nil {
			words.WriteString("- ")
			continue
		}
		fmt.Fprintf(&words, "%v ", *v)
	}
	return words.String()
}

func (h *house) temperatures(who grove.Actor, span fleet.Span) grove.Temperatures {
	h.t.Helper()
	got, err := h.Temperatures(h.t.Context(), who, serial, span)
	if err != nil {
		h.t.Fatal(err)
	}
	return got
}

func TestTemperaturesAreDrawnInSteps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.run()
		defer stop()
		<-time.After(time.Until(time.Now().Truncate(time.Minute).Add(time.Minute + time.Millisecond)))
		began := time.Now().Truncate(time.Second)
		h.warms(20*time.Second, func(int) float64 { return 300 }) // nobody is connected: that is of before
		detach := h.Attach(serial, &printer{})
		h.warms(58*time.Second, func(n int) float64 { return 100 + float64((n+5)/10) })
		detach("gone")
		<-time.After(22 * time.Second)
		span := fleet.Span{From: began, To: began.Add(100 * time.Second), Points: 10}
		got := h.temperatures(h.actor, span)
		if got.StepSeconds != 10 || !got.From.Equal(began) || got.Serial != serial {
			t.Errorf("%+v", got)
		}
		if g := graph(got.NozzleCelsius); g != "- - 100 101 102 103 104 105 - - " {
			t.Errorf("the nozzle: %s", g)
		}
		if g := graph(got.ChamberCelsius); g != "- - - - - - - - - - " {
			t.Errorf("the chamber of a P1S, which has no sensor: %s", g)
		}
		span.Points = 4
		got = h.temperatures(h.actor, span)
		if g := graph(got.NozzleCelsius) + graph(got.NozzleTargetCelsius) + graph(got.BedCelsius); got.StepSeconds != 30 || g != "100 102 104.5 - 220 220 220 - 60 60 60 - " {
			t.Errorf("in steps of %d s: %s", got.StepSeconds, g)
		}
	})
}

func TestTemperaturesOutliveARestartAndAreTheirOwners(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		stop := h.run()
		<-time.After(time.Until(time.Now().Truncate(10 * time.Minute).Add(10*time.Minute + time.Millisecond)))
		began := time.Now().Truncate(time.Second)
		detach := h.Attach(serial, &printer{})
		h.warms(90*time.Minute-5*time.Second, func(n int) float64 { return 100 + float64((n+5)/1800) })
		detach("gone")
		<-time.After(11 * time.Minute)
		stop()
		stored, err := h.db.Temperatures(t.Context(), serial, h.actor.UserID, began.Add(-time.Hour), began.Add(2*time.Hour))
		if err != nil || len(stored) != 2 || len(stored[0].Samples) > 100 {
			t.Errorf("stored %+v, %v", stored, err)
		}
		again, c := *h, h.Config
		c.Registry = prometheus.NewRegistry()
		again.Fleet, err = fleet.New(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		span := fleet.Span{From: began, To: began.Add(100 * time.Minute), Points: 10}
		if g := graph(again.temperatures(h.actor, span).NozzleCelsius); g != "100 100 100 101 101 101 102 102 102 - " {
			t.Errorf("after a restart: %s", g)
		}
		bob := again.claimant("b@example.org")
		if _, err := again.Claim(t.Context(), bob, again.pin(h.actor)); err != nil {
			t.Fatal(err)
		}
		if g := graph(again.temperatures(bob, span).NozzleCelsius); g != "- - - - - - - - - - " {
			t.Errorf("the next owner sees %s", g)
		}
		_, err = again.Temperatures(t.Context(), h.actor, serial, span)
		refused(t, err, grove.NotFound, grove.ReasonPrinterNotFound)
	})
}

// flaky is records that can't be written for a while.
type flaky struct {
	*store.DB

	down atomic.Bool
	rows atomic.Int64
}

func (f *flaky) SaveTemperatures(ctx context.Context, s []grove.Stretch) error {
	if f.down.Load() {
		return errors.New("down")
	}
	f.rows.Add(int64(len(s)))
	return f.DB.SaveTemperatures(ctx, s)
}

func TestTemperaturesWaitForRecordsThatAreDownAndAreRarelyWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var records *flaky
		h := newHouse(t, func(c *fleet.Config) {
			db, ok := c.Records.(*store.DB)
			if !ok {
				t.Fatal("other records")
			}
			records = &flaky{DB: db}
			records.down.Store(true)
			c.Records = records
		})
		stop := h.run()
		began := time.Now()
		h.Attach(serial, &printer{})
		h.warms(150*time.Minute, func(int) float64 { return 200 })
		records.down.Store(false)
		h.warms(30*time.Minute, func(int) float64 { return 200 })
		if n := records.rows.Load(); n < 3 || n > 12 {
			t.Errorf("%d rows in half an hour, two of them old", n)
		}
		stop()
		stored, err := h.db.Temperatures(t.Context(), serial, h.actor.UserID, began.Add(-time.Hour), time.Now())
		if err != nil || len(stored) < 3 || len(stored) > 4 {
			t.Errorf("%d stored, %v", len(stored), err)
		}
		if g := graph(h.temperatures(h.actor, fleet.Span{From: began.Add(10 * time.Second), Points: 5}).NozzleCelsius); g != "200 200 200 200 200 " {
			t.Errorf("drawn %s", g)
		}
	})
}

func TestTemperaturesOfWhatTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	now := time.Now()
	for _, span := range []fleet.Span{{From: now, To: now.Add(-time.Hour)}, {From: now.Add(time.Hour), To: now.Add(2 * time.Hour)}, {To: now.Add(-8 * 24 * time.Hour)}} {
		_, err := h.Temperatures(t.Context(), h.actor, serial, span)
		refused(t, err, grove.Invalid, "bad_span")
	}
	for _, points := range []int{1, -1, 2001} {
		_, err := h.Temperatures(t.Context(), h.actor, serial, fleet.Span{Points: points})
		refused(t, err, grove.Invalid, "bad_points")
	}
	for span, most := range map[fleet.Span]int{{}: 360, {From: now.Add(-30 * 24 * time.Hour), Points: 2000}: 2000, {From: now.Add(-15 * time.Second), Points: 2}: 2} {
		got := h.temperatures(h.actor, span)
		if n := len(got.NozzleCelsius); n > most || n < most*9/10 || time.Duration(n*got.StepSeconds)*time.Second > fleet.KeepTemperatures+time.Hour {
			t.Errorf("%+v: %d points of %d s", span, n, got.StepSeconds)
		}
	}
}
