//! Records one event with Determinate's own client of telemetry, as nix-installer 3.21 does (its src/diagnostics.rs), and
//! waits until it has sent what it wants to send.

use std::time::Duration;

#[tokio::main]
async fn main() {
    let endpoint = std::env::var("NIX_INSTALLER_DIAGNOSTIC_ENDPOINT").ok();
    let (recorder, worker) = detsys_ids_client::builder!().endpoint(endpoint).build_or_default().await;
    recorder.wait_for_checkin(Some(Duration::from_secs(10))).await.ok();
    recorder.record("diagnostic", None).await;
    drop(recorder);
    worker.wait().await;
}
