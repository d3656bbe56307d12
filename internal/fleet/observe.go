package fleet

import (
	"encoding/json"
	"log/slog"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Observe takes a report in and gives what those who watch the printer should
// see: the raw report, or a reply under the asker's own sequence id; nil for
// what nobody should see. It takes one lock and no database.
func (f *Fleet) Observe(serial string, payload []byte) []byte {
	u, err := f.unit(serial)
	if err != nil {
		return nil
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	defer u.show() // whatever it was, before others may change more
	report, err := u.state.Merge(payload)
	if err != nil {
		f.metrics.badReports.Inc()
		f.Log.Debug("report not understood", slog.String("printer", serial), slog.Any("error", err))
		if grove.AsError(err).Code == grove.TooLarge && report.Merged { // it was emptied, so that nothing is known
			u.shadow, u.complete, u.dirty = u.state.Shadow(), false, true
		}
		return nil
	}
	f.metrics.reports.Inc()
	now := time.Now().UTC()
	if report.Merged {
		f.merged(u, report, now)
		return payload
	}
	u.printer.LastSeenAt = now
	if report.Class == "info" {
		f.learnVersions(u, payload)
	}
	if report.Class == "system" && report.Command == "get_access_code" {
		payload = withoutCode(payload)
	}
	if p, ok := u.pending[report.SequenceID]; ok && p.answeredBy(report) {
		delete(u.pending, report.SequenceID)
		u.learnDeveloper(p.request, report)
		return p.answered(payload, report)
	}
	return payload
}

// withoutCode takes the access code out of a printer's answer, which all who watch
// the printer read: it opens the printer to whoever holds it. Nil if that can't be done.
func withoutCode(payload []byte) []byte {
	var message map[string]map[string]json.RawMessage
	if err := json.Unmarshal(payload, &message); err != nil {
		return nil
	}
	for _, body := range message {
		delete(body, "access_code")
	}
	out, err := json.Marshal(message)
	if err != nil {
		return nil
	}
	return out
}

// merged makes the turns of a report. The caller holds u.mu.
func (f *Fleet) merged(u *unit, report bambu.Report, now time.Time) {
	u.shadow, u.reportedAt, u.dirty = u.state.Shadow(), now, true
	u.heardAt, u.stale = now, false
	u.counted()
	u.printer.LastSeenAt = now
	// A message that calls itself full and does not tell the state proves nothing
	// about it: what is remembered may be of a former link.
	if report.Full && report.Stated {
		u.complete, u.fullAt = true, now
		close(u.full)
		u.full = make(chan struct{})
	}
	f.turn(u, now)
}

// turn makes a turn of what changed since the last, or leaves it to a later one: the
// newest state is always told in the end. The caller holds u.mu.
func (f *Fleet) turn(u *unit, now time.Time) {
	if !u.untold() || !u.mayTurn(now) {
		return
	}
	u.turned = markOf(u.shadow)
	f.push(u, Turn{Kind: Reported, Shadow: u.shadow, Away: u.away})
	u.away = 0
}

// learnVersions keeps a get_version answer. The caller holds u.mu.
func (f *Fleet) learnVersions(u *unit, payload []byte) {
	v, ok := bambu.ParseVersions(payload)
	if !ok {
		return
	}
	u.versions, u.dirty = v, true
	u.printer.Versions, u.printer.Firmware = v.Raw, v.Firmware
	if m, ok := bambu.LookupModel(v.Model); ok {
		u.model, u.printer.Model = m, m.Code
	}
}

// snapshot is what SaveStates keeps of u. The caller holds u.mu.
func (u *unit) snapshot() grove.Printer {
	p := u.printer
	p.State, p.StateAt = u.run.noted(u.state.JSON()), u.reportedAt
	return p
}
