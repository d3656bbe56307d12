package library

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/grovecloud/grove"
)

// maxPrints is how many plates' files one project may name.
const maxPrints = 64

// attach makes an awaited file the print of a project's plate. A profile that is
// not one of the actor's is nothing to attach to.
func (l *Library) attach(ctx context.Context, actor grove.Actor, w Wish, fileID string) error {
	if w.PrintOf == 0 {
		return nil
	}
	project, err := l.FileByProfile(ctx, actor, w.PrintOf)
	if errors.Is(err, grove.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return l.tellPrints(ctx, actor, project.ID, []grove.PrintSource{{Plate: w.Plate, FileID: fileID}})
}

// TellPrints keeps where a client says the printable files of a project's plates
// lie. The last word on a plate wins, but where a file lies on somebody else's
// server or on a printer does not unsay that one was uploaded here.
func (l *Library) TellPrints(ctx context.Context, actor grove.Actor, projectFileID string, told []grove.PrintSource) error {
	if _, err := l.File(ctx, actor, projectFileID); err != nil {
		return err
	}
	for i, s := range told {
		if len(s.URL) > 2048 || len(s.MD5) > 64 || s.Plate < 0 {
			return grove.Errorf(grove.Invalid, "bad_print", "entry %d of profile_print_3mf has a plate below 0, or a url or md5 that is too long", i+1)
		}
		if _, err := l.File(ctx, actor, s.FileID); s.FileID != "" && err != nil {
			told[i].FileID = "" // not a link of this account's
		}
	}
	return l.tellPrints(ctx, actor, projectFileID, told)
}

func (l *Library) tellPrints(ctx context.Context, actor grove.Actor, projectFileID string, told []grove.PrintSource) error {
	_, err := l.Records.UpdateFile(ctx, projectFileID, func(f *grove.File) error {
		for _, s := range told {
			i := slices.IndexFunc(f.Prints, func(have grove.PrintSource) bool { return have.Plate == s.Plate })
			if i < 0 {
				f.Prints = append(f.Prints, s)
				continue
			}
			if s.FileID == "" {
				s.FileID = f.Prints[i].FileID
			}
			if s.URL == "" {
				s.URL, s.MD5 = f.Prints[i].URL, f.Prints[i].MD5
			}
			f.Prints[i] = s
		}
		if len(f.Prints) > maxPrints {
			return grove.Errorf(grove.Invalid, "too_many_prints", "a project may name the files of %d plates; make another project for more", maxPrints)
		}
		return nil
	}, actor.Did("project.change", projectFileID))
	if err != nil {
		return fmt.Errorf("keep where a project's prints lie: %w", err)
	}
	return nil
}

// PrintOf is the file that was uploaded to print a plate of a project; plate 0 is
// the first. ok is false when there is none: then the project's own file may be
// what is to be printed.
func (l *Library) PrintOf(ctx context.Context, project grove.File, plate int) (sliced grove.File, ok bool, err error) {
	for _, want := range []int{max(plate, 1), 0} {
		for _, s := range project.Prints {
			if s.Plate != want || s.FileID == "" {
				continue
			}
			f, err := l.Records.File(ctx, s.FileID)
			switch {
			case errors.Is(err, grove.NotFound): // deleted, or never sent
			case err != nil:
				return grove.File{}, false, fmt.Errorf("find print: %w", err)
			case f.State == grove.Stored && f.OwnerID == project.OwnerID:
				return f, true, nil
			}
		}
	}
	return grove.File{}, false, nil
}

// PrintsOf are all files that were uploaded to print a project's plates, by plate.
func (l *Library) PrintsOf(ctx context.Context, project grove.File) ([]grove.File, error) {
	sources := slices.Clone(project.Prints)
	slices.SortFunc(sources, func(a, b grove.PrintSource) int { return a.Plate - b.Plate })
	var prints []grove.File
	for _, s := range sources {
		f, ok, err := l.PrintOf(ctx, project, s.Plate)
		if err != nil {
			return nil, err
		}
		if ok && !slices.ContainsFunc(prints, func(have grove.File) bool { return have.ID == f.ID }) {
			prints = append(prints, f)
		}
	}
	return prints, nil
}
