package cloud

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountProject(rt *rest.Router) {
	const at = iotService + "/user/project"
	rest.Handle(rt, get(at, tagFile, "My projects: each finished upload is one"), f.projects)
	rest.Handle(rt, post(at, tagFile, "Make a project and get a signed link for its file"), f.newProject)
	rest.Handle(rt, get(at+"/{id}", tagFile, "One of my projects"), f.project)
	patch := op(http.MethodPatch, at+"/{id}", tagFile, "Say where the printable files of a project's plates lie")
	patch.About = "A URL of this server's own names the upload that is printed. Any other, such as `ftp://` for a file that the slicer put on the printer itself, " +
		"is kept to be read again and never fetched: `my/task` refuses the plate then, unless the file of that `md5` was uploaded here as well. The last word on a plate wins. " +
		"An `md5` that is not the uploaded file's is 400."
	rest.Handle(rt, patch, f.patchProject)
	rest.Handle(rt, get(userService+"/my/model/profile", tagFile, "A project by its profile, in short"), f.modelProfile)
	rest.Handle(rt, get(iotService+"/user/profile/{id}", tagFile, "The sliced form of a project, with a link to it"), f.printProfile)
}

// active is the only status that projects have here.
const active = "ACTIVE"

func (f *face) projects(ctx context.Context, in *struct{ rest.VendorPaging }) (cloudapi.Projects, error) {
	page := in.Want()
	list, err := f.Library.Projects(ctx, rest.Actor(ctx), page)
	out := cloudapi.Projects{
		Envelope: cloudapi.Success(), Projects: []cloudapi.Project{}, Total: list.Total,
		Pagination: cloudapi.Pages(list.Total, list.More, page),
		Data:       cloudapi.ProjectsData{Projects: []cloudapi.ProjectItem{}, Total: list.Total},
	}
	out.Data.Page = out.Pagination.Page
	for i := range list.Items {
		file := &list.Items[i]
		p := projectOf(file)
		p.Files = []cloudapi.FileItem{f.itemOf(file)}
		out.Projects = append(out.Projects, p)
		out.Data.Projects = append(out.Data.Projects, cloudapi.ProjectItem{
			ProjectID: p.ProjectID, Name: p.Name, CreatedAt: timestamp(file.CreatedAt), FileCount: 1,
		})
	}
	return out, err
}

func projectOf(file *grove.File) cloudapi.Project {
	created := cloudapi.FormatTime(file.CreatedAt)
	return cloudapi.Project{
		ProjectID: decimal(file.ProjectID), UserID: decimal(file.OwnerID), ModelID: file.ModelID, Status: active, Name: file.Name,
		Content: "{}", CreateTime: created, UpdateTime: firstText(cloudapi.FormatTime(file.StoredAt), created),
	}
}

type projectInput struct {
	Body cloudapi.ProjectRequest
}

// newProject is not counted as an upload: one print of the slicer makes a project
// and an upload.
func (f *face) newProject(ctx context.Context, in *projectInput) (cloudapi.ProjectCreated, error) {
	if err := rest.Need("name", in.Body.Name); err != nil {
		return cloudapi.ProjectCreated{}, err
	}
	up, err := f.Library.NewProject(ctx, rest.Actor(ctx), in.Body.Name)
	return cloudapi.ProjectCreated{
		Envelope: cloudapi.Success(), ProjectID: decimal(up.File.ProjectID), ModelID: up.File.ModelID, ProfileID: decimal(up.File.ProfileID),
		UploadURL: up.URL, UploadTicket: up.File.Ticket,
	}, err
}

func (f *face) project(ctx context.Context, in *ByNumber) (cloudapi.ProjectDetail, error) {
	file, err := f.projectFile(ctx, in)
	if err != nil {
		return cloudapi.ProjectDetail{}, err
	}
	p := projectOf(&file)
	profile, err := f.profileOf(ctx, &file)
	if err != nil {
		return cloudapi.ProjectDetail{}, err
	}
	told := []cloudapi.PlatePrint{}
	for _, s := range file.Prints {
		if s.URL != "" {
			told = append(told, cloudapi.PlatePrint{MD5: s.MD5, Plate: cloudapi.Int(s.Plate), URL: s.URL})
		}
	}
	return cloudapi.ProjectDetail{
		Envelope: cloudapi.Success(), ProjectID: p.ProjectID, UserID: p.UserID, ModelID: p.ModelID, Status: p.Status, Name: p.Name,
		Content: p.Content, CreateTime: p.CreateTime, UpdateTime: p.UpdateTime,
		Profiles: []cloudapi.PrintProfile{profile}, DownloadURL: f.contentURL(&file), DownloadMD5: file.MD5,
		UploadTicket: file.Ticket, Print3MF: told,
	}, nil
}

func (f *face) projectFile(ctx context.Context, in *ByNumber) (grove.File, error) {
	id, err := in.number("project")
	if err != nil {
		return grove.File{}, err
	}
	return f.Library.FileByProject(ctx, rest.Actor(ctx), id)
}

type patchInput struct {
	ByNumber
	Body *cloudapi.ProjectPatch
}

func (f *face) patchProject(ctx context.Context, in *patchInput) (cloudapi.Envelope, error) {
	project, err := f.projectFile(ctx, &in.ByNumber)
	if err != nil || in.Body == nil {
		return cloudapi.Success(), err
	}
	if said := in.Body.ProfileID; said != "" && said != decimal(project.ProfileID) {
		e := grove.Errorf(grove.Invalid, "profile_differs", "profile_id is %q, and the project's profile is %d; send that one, or none", said, project.ProfileID)
		e.Fields = map[string]string{"profile_id": "is not the project's"}
		return cloudapi.Envelope{}, e
	}
	var told []grove.PrintSource
	for _, p := range in.Body.Print3MF {
		told = append(told, grove.PrintSource{Plate: int(p.Plate), URL: p.URL, MD5: p.MD5, FileID: fileIn(p.URL)})
	}
	return cloudapi.Success(), f.Library.TellPrints(ctx, rest.Actor(ctx), project.ID, told)
}

type printProfileInput struct {
	ByNumber
	ModelID string `query:"model_id" maxLength:"64" doc:"The model that the profile is one of; checked when given."`
}

// printProfile hands out no other model's file than the one that was asked for.
func (f *face) printProfile(ctx context.Context, in *printProfileInput) (cloudapi.ProfileDetail, error) {
	id, err := in.number("profile")
	if err != nil {
		return cloudapi.ProfileDetail{}, err
	}
	file, err := f.Library.FileByProfile(ctx, rest.Actor(ctx), id)
	if err != nil {
		return cloudapi.ProfileDetail{}, err
	}
	if in.ModelID != "" && in.ModelID != file.ModelID {
		return cloudapi.ProfileDetail{}, grove.Errorf(grove.NotFound, "profile_not_found", "model %q has no profile %d; ask with the model_id that came with the profile, or without one", in.ModelID, id)
	}
	profile, err := f.profileOf(ctx, &file)
	return cloudapi.ProfileDetail{Envelope: cloudapi.Success(), PrintProfile: profile, FileName: file.Name}, err
}

func (f *face) modelProfile(ctx context.Context, in *struct {
	ProfileID string `query:"profileId"`
	ModelID   string `query:"modelId" doc:"The model that the profile is one of; checked when given."`
},
) (cloudapi.ModelProfile, error) {
	if err := rest.Need("profileId", in.ProfileID); err != nil {
		return cloudapi.ModelProfile{}, err
	}
	profile, err := f.printProfile(ctx, &printProfileInput{ByNumber: ByNumber{ID: in.ProfileID}, ModelID: in.ModelID})
	if err != nil {
		return cloudapi.ModelProfile{}, err
	}
	out := cloudapi.ModelProfile{ProfileID: taskNumber(profile.ProfileID), ModelID: profile.ModelID, Title: profile.Name}
	for _, plate := range profile.Context.Plates {
		if out.Cover == "" {
			out.Cover = plate.Thumbnail.URL
		}
	}
	return out, nil
}

// profileOf is the sliced form of a project: of each plate the file that was
// uploaded to print it, else the project's own file.
func (f *face) profileOf(ctx context.Context, file *grove.File) (cloudapi.PrintProfile, error) {
	p := projectOf(file)
	prints, err := f.Library.PrintsOf(ctx, *file)
	if len(prints) == 0 {
		prints = []grove.File{*file}
	}
	sliced := f.contextOf(&prints[0])
	for i := range prints[1:] {
		more := f.contextOf(&prints[i+1])
		sliced.Plates, sliced.Materials = append(sliced.Plates, more.Plates...), append(sliced.Materials, more.Materials...)
	}
	return cloudapi.PrintProfile{
		ProfileID: decimal(file.ProfileID), ModelID: file.ModelID, Status: active, Name: file.Name, Content: p.Content,
		CreateTime: p.CreateTime, UpdateTime: p.UpdateTime, URL: f.contentURL(&prints[0]), MD5: prints[0].MD5, Context: sliced,
	}, err
}

// compatibility is the printer a file was sliced for; empty when it says none.
func compatibility(file *grove.File) cloudapi.Compatibility {
	m, _ := bambu.LookupModel(file.Model)
	c := cloudapi.Compatibility{ModelName: file.Model, ProductName: m.Name, NozzleDiameter: usualNozzle}
	for _, p := range file.Plates {
		if p.NozzleDiameter > 0 {
			c.NozzleDiameter = p.NozzleDiameter
			break
		}
	}
	return c
}
