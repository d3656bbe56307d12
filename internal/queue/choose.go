package queue

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// explained is of how many jobs at the front of an owner's line it is said why they
// still have no printer. Those behind wait for these, more often than not, and each
// word that changes is a fact that people are told.
const explained = 20

// choosing is one round's choice of printers for the jobs of whichever printer fits.
type choosing struct {
	*Queue

	crew    *crew
	traffic traffic
	now     time.Time
	owner   int64                 // whose line it is at
	owned   []grove.Live          // the owner's printers
	spared  []string              // those of them that are simulated
	free    []grove.Live          // those of them that could take a print this moment
	told    int                   // how many of the owner's jobs were explained
	files   map[string]grove.File // read in this round
}

// place gives jobs that may go to any printer to free hands, each with the printer
// that suits it best, in the order of their owners' lines. The claim decides: the
// database gives a job to one printer and a printer to one job.
func (q *Queue) place(ctx context.Context, c *crew, t traffic, now time.Time) error {
	jobs, err := q.Records.Unplaced(ctx, now)
	if err != nil {
		return err
	}
	s := &choosing{Queue: q, crew: c, traffic: t, now: now, files: map[string]grove.File{}}
	for i := range jobs { // one that can't be placed keeps no other waiting
		if err := s.placeOne(ctx, &jobs[i]); err != nil && ctx.Err() == nil {
			q.Log.Warn("job got no printer", slog.Int64("job", jobs[i].ID), slog.Any("error", err))
		}
	}
	return nil
}

func (s *choosing) placeOne(ctx context.Context, j *grove.Job) error {
	if _, handed := s.crew.placed.Load(j.ID); handed {
		return nil
	}
	s.turnTo(j.OwnerID)
	if len(s.free) == 0 && s.told >= explained {
		return nil
	}
	file, ok := s.files[j.FileID]
	if !ok {
		var err error
		file, err = s.Files.Ready(ctx, j.FileID)
		if errors.Is(err, grove.NotFound) {
			return s.fail(ctx, *j, "file_gone", "the file is not there any more: "+grove.AsError(err).Message)
		}
		if err != nil {
			return errors.Join(err, s.wait(ctx, j.ID, unreadable))
		}
		s.files[j.FileID] = file
	}
	w := wishOf(j, file)
	w.toys = s.spared
	if live, ok := s.best(w, j); ok {
		s.give(ctx, *j, live)
		return nil
	}
	s.told++
	if s.told > explained {
		return nil
	}
	why := s.why(w)
	if said(j, why) {
		return nil
	}
	return s.wait(ctx, j.ID, why)
}

// turnTo begins an owner's line.
func (s *choosing) turnTo(owner int64) {
	if s.owner == owner {
		return
	}
	s.owner, s.told, s.free = owner, 0, nil
	s.owned = s.Printers.Owned(owner)
	s.spared = s.toys(s.owned)
	for _, live := range s.owned {
		_, busy := s.crew.busy.Load(live.Serial)
		_, held := s.traffic.held[live.Serial]
		if !busy && !held && !s.line.resting(live.Serial, s.now) && len(s.unready(live)) == 0 {
			s.free = append(s.free, live)
		}
	}
	s.line.longestIdle(s.free)
}

// best is the free printer that suits the wish, first by how near the colours are,
// then by how long ago it was last given a job. A printer with an earlier job of its
// own in the line is left to that.
func (s *choosing) best(w wish, j *grove.Job) (best grove.Live, found bool) {
	least := 0.0
	for _, live := range s.free {
		if l, loaded := s.misfits(w, live); len(l) == 0 && len(s.traffic.misfits(j, live)) == 0 {
			far := 0.0
			for _, f := range loaded.from {
				far += f.DeltaE
			}
			if !found || far < least {
				best, least, found = live, far, true
			}
		}
	}
	return best, found
}

// give hands the job over with its printer, unless no hand is free.
func (s *choosing) give(ctx context.Context, j grove.Job, live grove.Live) {
	j.Serial = live.Serial
	if _, handed := s.crew.placed.LoadOrStore(j.ID, true); handed {
		return
	}
	given := s.hand(ctx, s.handsFor(s.crew, &j), s.crew, j, func(ctx context.Context, j grove.Job) error {
		defer s.crew.placed.Delete(j.ID)
		return s.begin(ctx, j)
	})
	if !given {
		s.crew.placed.Delete(j.ID)
		return
	}
	s.free = slices.DeleteFunc(s.free, func(l grove.Live) bool { return l.Serial == live.Serial })
}

// why says why the job has no printer yet: what a person can do first. The
// words are the same as long as that is.
func (s *choosing) why(w wish) grove.Misfit {
	const all = "; GET /v1/grove-service/jobs/{id}/fit (grove jobs fit) says it of each printer"
	if held, is := s.clockHeld(); is {
		return held
	}
	if s.Gate.Locked(s.owner) {
		return lockedAccount
	}
	if s.barred(w.file, s.owner) {
		return lockedGuest
	}
	var plates []string
	var unfilled grove.Misfit
	suited, loaded := 0, false
	for _, live := range s.owned {
		if len(w.unsuited(live)) > 0 {
			continue
		}
		suited++
		_, err := w.load(live)
		l := s.unready(live)
		_, held := s.traffic.held[live.Serial]
		switch {
		case err != nil:
			if unfilled.Reason == "" {
				unfilled = misfitOf(err)
			}
		case !held && len(l) == 1 && l[0].Reason == grove.MisfitPlate:
			plates = append(plates, live.Name)
		default:
			loaded = true
		}
	}
	slices.Sort(plates)
	switch {
	case suited == 0:
		return grove.Misfit{Reason: grove.WaitNoneFits, Message: "none of the printers fits it any more" + all}
	case len(plates) > 0:
		plate := plateMisfit(strings.Join(some(plates), " or "))
		plate.Values = values{"printers": plates}
		return plate
	case !loaded:
		unfilled.Message += all
		return unfilled
	}
	return grove.Misfit{Reason: grove.WaitNoneFree, Message: "waits until a printer that fits is free" + all}
}
