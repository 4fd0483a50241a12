use ordo_testkit::Postgres;
use sqlx::{Connection, PgConnection};

#[tokio::test]
async fn every_database_is_fresh_and_durable() {
    let postgres = Postgres::start_shared().await.unwrap();
    for _ in 0..2 {
        let url = postgres.fresh_database().await.unwrap();
        let mut connection = PgConnection::connect(&url).await.unwrap();
        sqlx::query("create table notes (id bigint primary key)")
            .execute(&mut connection)
            .await
            .unwrap();
        let fsync: String = sqlx::query_scalar("show fsync")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(fsync, "on");
    }
}

#[tokio::test]
async fn all_tests_of_a_process_share_one_server() {
    let one = Postgres::start_shared().await.unwrap();
    let two = Postgres::start_shared().await.unwrap();
    assert!(std::ptr::eq(one, two));
}
