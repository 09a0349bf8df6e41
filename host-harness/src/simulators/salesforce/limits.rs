//! `GET /limits` and `GET /limits/recordCount`, and the header that tells the usage with every answer.
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-limits.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/dome-limits.html>,
//! <https://developer.salesforce.com/docs/platform/api-rest/guide/resources-record-count.html>,
//! <https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/headers_api_usage.htm>
//!
//! The names are the page's, each from the version that it came with [confirmed]. Of the figures only those of API calls and
//! storage are alive: the others are of a small org in which nothing else goes on. A record takes 2 KB [inferred].

use super::{
    CONTENT_TYPE,
    describe::{ObjectType, Side},
    errors::Refusal,
    offers, version_number,
};
use crate::simulators::{
    World,
    request::{Answer, Call, json},
    unknowns::LimitInfo,
};
use serde_json::{Value, json};

/// As the app is called in Salesforce.
const APP: &str = "simulated-connected-app";
const DATA_STORAGE_MB: usize = 1024;
const RECORDS_A_MB: usize = 512;

/// Name, figure, and the versions that tell it.
static IDLE: [(&str, u64, std::ops::RangeInclusive<u32>); 42] = [
    ("ActiveScratchOrgs", 3, 40..=u32::MAX),
    ("AnalyticsExternalDataSizeMB", 40_960, 50..=u32::MAX),
    ("ConcurrentAsyncGetReportInstances", 200, 29..=u32::MAX),
    ("ConcurrentEinsteinDataInsightsStoryCreation", 5, 50..=u32::MAX),
    ("ConcurrentEinsteinDiscoveryStoryCreation", 2, 50..=u32::MAX),
    ("ConcurrentSyncReportRuns", 20, 29..=u32::MAX),
    ("DailyAnalyticsDataflowJobExecutions", 60, 50..=u32::MAX),
    ("DailyAnalyticsUploadedFilesSizeMB", 51_200, 50..=u32::MAX),
    ("DailyAsyncApexExecutions", 250_000, 29..=u32::MAX),
    ("DailyAsyncApexTests", 500, 56..=u32::MAX),
    ("DailyBulkApiBatches", 15_000, 49..=u32::MAX),
    ("DailyBulkApiRequests", 15_000, 29..=48),
    ("DailyBulkV2QueryFileStorageMB", 976_562, 47..=u32::MAX),
    ("DailyBulkV2QueryJobs", 10_000, 47..=u32::MAX),
    ("DailyDeliveredPlatformEvents", 10_000, 50..=u32::MAX),
    ("DailyDurableGenericStreamingApiEvents", 10_000, 37..=u32::MAX),
    ("DailyDurableStreamingApiEvents", 10_000, 37..=u32::MAX),
    ("DailyFunctionsApiCallLimit", 235_000, 53..=u32::MAX),
    ("DailyGenericStreamingApiEvents", 10_000, 29..=36),
    ("DailyScratchOrgs", 6, 40..=u32::MAX),
    ("DailyStandardVolumePlatformEvents", 10_000, 40..=u32::MAX),
    ("DailyStreamingApiEvents", 10_000, 29..=36),
    ("DailyWorkflowEmails", 100_000, 29..=u32::MAX),
    ("DurableStreamingApiConcurrentClients", 20, 37..=u32::MAX),
    ("FileStorageMB", 1024, 29..=u32::MAX),
    ("HourlyAsyncReportRuns", 1200, 29..=u32::MAX),
    ("HourlyDashboardRefreshes", 200, 29..=u32::MAX),
    ("HourlyDashboardResults", 5000, 29..=u32::MAX),
    ("HourlyDashboardStatuses", 999_999_999, 29..=u32::MAX),
    ("HourlyLongTermIdMapping", 100_000, 50..=u32::MAX),
    ("HourlyManagedContentPublicRequests", 50_000, 50..=u32::MAX),
    ("HourlyODataCallout", 20_000, 29..=u32::MAX),
    ("HourlyPublishedPlatformEvents", 50_000, 40..=u32::MAX),
    ("HourlyPublishedStandardVolumePlatformEvents", 1000, 40..=u32::MAX),
    ("HourlyShortTermIdMapping", 100_000, 50..=u32::MAX),
    ("HourlySyncReportRuns", 500, 29..=u32::MAX),
    ("HourlyTimeBasedWorkflow", 1000, 29..=u32::MAX),
    ("MassEmail", 5000, 29..=u32::MAX),
    ("Package2VersionCreates", 6, 40..=u32::MAX),
    ("Package2VersionCreatesWithoutValidation", 500, 40..=u32::MAX),
    ("SingleEmail", 5000, 29..=u32::MAX),
    ("StreamingApiConcurrentClients", 20, 29..=36),
];

pub(super) fn limits(world: &mut World, version: &str) -> Answer {
    let version = version_number(version).unwrap_or(u32::MAX);
    let told = |max: usize, used: usize| json!({ "Max": max, "Remaining": max.saturating_sub(used) });
    let mut body = json!({});
    for (name, max, _) in IDLE.iter().filter(|(_, _, versions)| versions.contains(&version)) {
        body[*name] = json!({ "Max": max, "Remaining": max });
    }
    let max = world.options.limits.salesforce_calls_per_day;
    let remaining = max.saturating_sub(world.salesforce.requests_used());
    body["DailyApiRequests"] = json!({ "Max": max, "Remaining": remaining });
    if world.options.unknowns.salesforce.limit_info == LimitInfo::WithApp {
        body["DailyApiRequests"][APP] = json!({ "Max": max, "Remaining": remaining });
    }
    let records = world.salesforce.records.all().filter(|record| !record.is_deleted).count();
    body["DataStorageMB"] = told(DATA_STORAGE_MB, records.div_ceil(RECORDS_A_MB));
    let permission_sets = world.salesforce.all_of("PermissionSet").count();
    body["PermissionSets"] = told(1500, permission_sets);
    body["PermissionSets"]["CreateCustom"] = told(1000, permission_sets);
    json(200, CONTENT_TYPE, &body)
}

/// `?sObjects=Account,Contact`, or all objects. A name that is none is left out.
pub(super) fn record_count(world: &World, call: &Call) -> Result<Answer, Refusal> {
    let asked: Vec<&'static ObjectType> = match call.param("sObjects") {
        Some(names) => names.split(',').filter_map(|name| ObjectType::named(Side::Data, name.trim())).collect(),
        None => ObjectType::all(Side::Data).collect(),
    };
    let counts = asked
        .into_iter()
        .filter(|object| offers(world, object))
        .map(|object| json!({ "count": world.salesforce.all_of(object.name).count(), "name": object.name }));
    Ok(json(200, CONTENT_TYPE, &json!({ "sObjects": counts.collect::<Vec<Value>>() })))
}

/// `api-usage=18/5000`, and what may come after it.
pub(super) fn usage(world: &mut World) -> String {
    let (used, max) = (world.salesforce.requests_used(), world.options.limits.salesforce_calls_per_day);
    match world.options.unknowns.salesforce.limit_info {
        LimitInfo::OrgAlone => format!("api-usage={used}/{max}"),
        LimitInfo::WithApp => format!("api-usage={used}/{max}; per-app-api-usage={used}/{max}(appName={APP})"),
        LimitInfo::WithBursts => format!("api-usage={used}/{max}; api-bursts=1/750"),
    }
}
