package library

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/grovecloud/grove"
)

// Reasons of errors about spools.
const (
	ReasonSpoolNotFound = "spool_not_found" // NotFound: also somebody else's
	ReasonSpoolWrong    = "spool_wrong"     // Invalid: Fields says what
)

// SpoolRecords keeps spools.
type SpoolRecords interface {
	Spools(ctx context.Context, ownerID int64) ([]grove.Spool, error)
	UpdateSpools(ctx context.Context, ownerID int64, fn func([]grove.Spool) (grove.SpoolChange, error), acts ...grove.AuditEntry) ([]grove.Spool, error)
}

// maxSpools is how many spools a person may keep count of.
const maxSpools = 1000

// SpoolQuery narrows a list of spools. Zero fields do not narrow.
type SpoolQuery struct {
	Category string
	Status   *int
	IDs      []int64
	RFIDs    []string
}

func (q *SpoolQuery) takes(s *grove.Spool) bool {
	return (q.Category == "" || q.Category == s.Category) && (q.Status == nil || *q.Status == s.Status) &&
		(len(q.IDs) == 0 || slices.Contains(q.IDs, s.ID)) && (len(q.RFIDs) == 0 || slices.Contains(q.RFIDs, s.RFID))
}

// Spools lists the actor's spools, newest first.
func (l *Library) Spools(ctx context.Context, actor grove.Actor, q SpoolQuery, page grove.Page) (grove.List[grove.Spool], error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return grove.List[grove.Spool]{}, err
	}
	all, err := l.Records.Spools(ctx, owner)
	if err != nil {
		return grove.List[grove.Spool]{}, fmt.Errorf("list spools: %w", err)
	}
	all = slices.DeleteFunc(all, func(s grove.Spool) bool { return !q.takes(&s) })
	from := min(page.Skip(), len(all))
	to := len(all)
	if page.Limit > 0 {
		to = min(to, from+page.Limit)
	}
	return grove.List[grove.Spool]{Items: all[from:to], Total: len(all), More: to < len(all)}, nil
}

// AddSpool keeps count of one more spool. One with an RFID that is known is the
// same spool, told anew.
func (l *Library) AddSpool(ctx context.Context, actor grove.Actor, s grove.Spool) (grove.Spool, error) {
	return l.saveSpool(ctx, actor, actor.Did("spool.add", s.RFID), func(have []grove.Spool) (grove.Spool, error) {
		s.ID, s.CreatedAt, s.Place = 0, now(), grove.Place{}
		if i := byRFID(have, s.RFID); i >= 0 {
			s.ID, s.CreatedAt, s.Place = have[i].ID, have[i].CreatedAt, have[i].Place
		}
		return s, spoolRoom(len(have), s.ID == 0)
	})
}

// ChangeSpool changes one of the actor's spools.
func (l *Library) ChangeSpool(ctx context.Context, actor grove.Actor, id int64, change func(*grove.Spool)) (grove.Spool, error) {
	return l.saveSpool(ctx, actor, actor.Did("spool.change", strconv.FormatInt(id, 10)), func(have []grove.Spool) (grove.Spool, error) {
		i := byID(have, id)
		if i < 0 {
			return grove.Spool{}, grove.Errorf(grove.NotFound, ReasonSpoolNotFound, "there is no spool %d in this account; add it first", id)
		}
		s := have[i]
		change(&s)
		s.ID, s.CreatedAt, s.Place = have[i].ID, have[i].CreatedAt, have[i].Place
		if twin := byRFID(have, s.RFID); twin >= 0 && twin != i {
			return grove.Spool{}, wrongSpool("RFID", "is that of another spool")
		}
		return s, nil
	})
}

// saveSpool saves the one spool that pick makes of those there are.
func (l *Library) saveSpool(ctx context.Context, actor grove.Actor, act grove.AuditEntry, pick func([]grove.Spool) (grove.Spool, error)) (grove.Spool, error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return grove.Spool{}, err
	}
	saved, err := l.Records.UpdateSpools(ctx, owner, func(have []grove.Spool) (grove.SpoolChange, error) {
		s, err := pick(have)
		if err != nil {
			return grove.SpoolChange{}, err
		}
		s.UpdatedAt = now()
		return grove.SpoolChange{Save: []grove.Spool{s}}, checkSpool(&s)
	}, act)
	if err != nil {
		return grove.Spool{}, fmt.Errorf("save spool: %w", err)
	}
	return saved[0], nil
}

// RemoveSpools forgets the actor's spools with these numbers and RFIDs. What is not
// there is not missed.
func (l *Library) RemoveSpools(ctx context.Context, actor grove.Actor, ids []int64, rfids []string) error {
	owner, err := ownerOf(actor)
	if err != nil {
		return err
	}
	_, err = l.Records.UpdateSpools(ctx, owner, func(have []grove.Spool) (grove.SpoolChange, error) {
		var change grove.SpoolChange
		for _, s := range have {
			if slices.Contains(ids, s.ID) || s.RFID != "" && slices.Contains(rfids, s.RFID) {
				change.Remove = append(change.Remove, s.ID)
			}
		}
		return change, nil
	}, actor.Did("spool.remove", strconv.Itoa(len(ids)+len(rfids))))
	if err != nil {
		return fmt.Errorf("remove spools: %w", err)
	}
	return nil
}

func byID(have []grove.Spool, id int64) int {
	return slices.IndexFunc(have, func(s grove.Spool) bool { return s.ID == id })
}

func byRFID(have []grove.Spool, rfid string) int {
	return slices.IndexFunc(have, func(s grove.Spool) bool { return rfid != "" && s.RFID == rfid })
}

// spoolRoom refuses one spool too many.
func spoolRoom(have int, more bool) error {
	if !more || have < maxSpools {
		return nil
	}
	return grove.Errorf(grove.Forbidden, grove.ReasonQuotaExhausted,
		"this account keeps count of %d spools, which is as many as it may; delete those that are used up", have)
}

var sixOrEight = regexp.MustCompile(`^(#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?)?$`)

// checkSpool refuses what no spool can be.
func checkSpool(s *grove.Spool) error {
	const heaviest = 100_000 // grams
	texts := map[string]string{
		"RFID": s.RFID, "createType": s.CreateType, "filamentVendor": s.Vendor, "filamentType": s.Type, "filamentName": s.Name,
		"filamentId": s.FilamentID, "trayIdName": s.TrayIDName, "category": s.Category, "devId": s.Place.Serial, "amsSn": s.Place.UnitSerial,
	}
	for field, text := range texts {
		if len(text) > maxName {
			return wrongSpool(field, "is longer than %d bytes", maxName)
		}
	}
	switch {
	case len(s.Note) > 4*maxName:
		return wrongSpool("note", "is longer than %d bytes", 4*maxName)
	case !sixOrEight.MatchString(s.Color):
		return wrongSpool("color", "is no color; write it as #RRGGBB")
	case len(s.Colors) > 16 || slices.ContainsFunc(s.Colors, func(c string) bool { return !sixOrEight.MatchString(c) }):
		return wrongSpool("colors", "must be up to 16 colors, each as #RRGGBB")
	case s.NetGrams < 0 || s.NetGrams > heaviest:
		return wrongSpool("netWeight", "must be 0 to %d grams", heaviest)
	case s.TotalGrams < 0 || s.TotalGrams > heaviest:
		return wrongSpool("totalNetWeight", "must be 0 to %d grams", heaviest)
	case s.ColorType < 0 || s.ColorType > 2:
		return wrongSpool("colorType", "must be 0, 1 or 2")
	case s.Status < 0 || s.Status > 1:
		return wrongSpool("status", "must be 0 or 1")
	}
	return nil
}

func wrongSpool(field, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	err := grove.Errorf(grove.Invalid, ReasonSpoolWrong, "%s %s", field, what)
	err.Fields = map[string]string{field: what}
	return err
}
