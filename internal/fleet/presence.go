package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

const workers = 16

// Attach says that a printer's link is up. The function it gives ends that link,
// and only that: a newer one stays.
func (f *Fleet) Attach(serial string, link Link) (detach func(reason string)) {
	u, err := f.unit(serial)
	if err != nil {
		link.Close("not bound")
		return func(string) {}
	}
	u.mu.Lock()
	former := u.link
	u.eye.part(u.epoch)
	u.epoch++
	epoch := u.epoch
	u.link, u.complete, u.lostAt, u.trouble = link, false, time.Time{}, ""
	u.welcome = u.welcome || u.lan != nil
	u.pushallAt, u.view = time.Now(), view{}
	if !u.announce { // a new link to one that says nothing does not make it speak
		u.heardAt = time.Now()
	}
	u.turned = mark{} // what was missed shows in the first full report
	if !u.printer.LastSeenAt.IsZero() {
		u.away = max(u.away, time.Since(u.printer.LastSeenAt))
	}
	lost := u.drop()
	u.show()
	if !u.announce {
		u.announce = true
		f.push(u, Turn{Kind: CameOnline, Shadow: u.shadow})
		f.Tell(serial, bambu.Connected(serial))
	}
	u.mu.Unlock()
	f.lose(u, lost)
	if former != nil {
		former.Close("replaced by a newer connection")
	}
	f.greet(u)
	return func(reason string) { f.detach(u, epoch, reason) }
}

// greet asks what a client asks after connecting.
func (f *Fleet) greet(u *unit) {
	f.askAll(u, [2]string{"info", "get_version"}, [2]string{"pushing", "pushall"})
}

func (f *Fleet) askAll(u *unit, questions ...[2]string) {
	for _, q := range questions {
		if err := f.ask(u, q[0], q[1]); err != nil {
			f.Log.Debug("printer not asked", slog.String("printer", u.serial), slog.Any("error", err))
		}
	}
}

func (f *Fleet) detach(u *unit, epoch uint64, reason string) {
	u.mu.Lock()
	if u.epoch != epoch || u.link == nil {
		u.mu.Unlock()
		return
	}
	u.link, u.complete, u.lostAt = nil, false, time.Now()
	u.view = view{}
	u.eye.part(epoch)
	lost := u.drop()
	u.show()
	u.mu.Unlock()
	f.lose(u, lost)
	f.Log.Debug("printer left", slog.String("printer", u.serial), slog.String("reason", reason))
}

// drop forgets the commands whose replies can't come any more. The caller holds
// u.mu and calls lose after.
func (u *unit) drop() []*pending {
	var lost []*pending
	for id, p := range u.pending {
		lost = append(lost, p)
		delete(u.pending, id)
	}
	return lost
}

func (f *Fleet) lose(u *unit, lost []*pending) {
	for _, p := range lost {
		if p.done != nil {
			u.mu.Lock()
			p.done(bambu.Report{}, true)
			u.mu.Unlock()
		}
	}
}

// Run tells turns, announces absence, asks the silent and stores state until ctx
// ends; then it stores what is left.
func (f *Fleet) Run(ctx context.Context) error {
	defer f.shut()
	g, ctx := errgroup.WithContext(ctx)
	for range workers {
		g.Go(func() error { return f.worker(ctx) })
	}
	g.Go(func() error { return f.watch(ctx) })
	return g.Wait()
}

func (f *Fleet) watch(ctx context.Context) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	flush := time.NewTicker(f.Flush)
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
			defer cancel()
			return f.flush(last, true)
		case <-tick.C:
			f.tick(ctx, time.Now())
		case <-flush.C:
			if err := f.flush(ctx, false); err != nil && ctx.Err() == nil {
				f.Log.Error("state not stored", slog.Any("error", err))
			}
		}
	}
}

func (f *Fleet) all() []*unit {
	f.mu.RLock()
	defer f.mu.RUnlock()
	units := make([]*unit, 0, len(f.units))
	for _, u := range f.units {
		units = append(units, u)
	}
	return units
}

func (f *Fleet) tick(ctx context.Context, now time.Time) {
	online := 0
	var cooling []physical
	for _, u := range f.all() {
		connected, off := f.tend(u, now)
		cooling = append(cooling, off...)
		if connected {
			online++
		}
	}
	f.coolAll(ctx, cooling)
	f.metrics.online.Set(float64(online))
}

// tend looks after one printer. It reports whether it is connected, and gives the
// commands that switch its heat off.
func (f *Fleet) tend(u *unit, now time.Time) (connected bool, cooling []physical) {
	u.mu.Lock()
	connected = u.link != nil
	if !connected && u.announce && now.Sub(u.lostAt) >= f.Grace {
		u.announce = false
		f.push(u, Turn{Kind: WentOffline, Shadow: u.shadow})
		f.Tell(u.serial, bambu.Disconnected(u.serial, "keepalive_timeout"))
	}
	f.turn(u, now.UTC())
	f.wake(u)
	u.age(now)
	u.sampled(now)
	var lost []*pending
	for id, p := range u.pending {
		if p.request.Command != "project_file" && now.Sub(p.sentAt) > f.Reply {
			lost = append(lost, p)
			delete(u.pending, id)
		}
	}
	silent := connected && now.Sub(u.reportedAt) > f.Silence && now.Sub(u.pushallAt) > f.Silence
	if silent {
		u.pushallAt = now
	}
	off := f.tendHeat(u, now)
	u.mu.Unlock()
	u.lookAt(now)
	f.recount(u)
	f.lose(u, lost)
	if silent { // start is what brings a firmware back that stopped reporting (ha-bambulab)
		f.askAll(u, [2]string{"pushing", "start"}, [2]string{"pushing", "pushall"})
	}
	return connected, f.cool(u, off)
}

// mostStale is how old a report may be to tell of now: some send nothing while nothing
// changes, and are asked after a minute.
const mostStale = 2 * time.Minute

// age notes whether what is known of a printer that is online is too old to tell of now.
// The caller holds mu.
func (u *unit) age(now time.Time) {
	if stale := u.announce && now.Sub(u.heardAt) > mostStale; stale != u.stale {
		u.stale = stale
		u.show()
	}
}

// flush stores the state of the printers that reported since the last time, and how hot
// they were. last: there is no next time.
func (f *Fleet) flush(ctx context.Context, last bool) error {
	var batch []grove.Printer
	var dirty []*unit
	var warm batched
	for _, u := range f.all() {
		u.mu.Lock()
		if u.dirty {
			u.dirty = false
			batch, dirty = append(batch, u.snapshot()), append(dirty, u)
		}
		warm.add(u, last)
		u.mu.Unlock()
	}
	err := warm.store(ctx, f.Records)
	if len(batch) == 0 {
		return err
	}
	if saved := f.Records.SaveStates(ctx, batch); saved != nil {
		for _, u := range dirty {
			u.mu.Lock()
			u.dirty = true
			u.mu.Unlock()
		}
		err = errors.Join(err, fmt.Errorf("store states: %w", saved))
	}
	return err
}
